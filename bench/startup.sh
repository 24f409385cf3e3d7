#!/usr/bin/env bash
# Measures start-up: from before exec to the first byte that a guest's first instructions write to its serial port, and the
# same for QEMU where it is installed. Runs alternate, so that a busy host hits all alike.
#   bench/startup.sh [--runs N] [--memory SIZE] [--accel kvm,translator] [--no-qemu] [--json]
# Needs artifacts/nacelle (./build.sh). Times are in milliseconds, medians first.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
. "$bench/common.sh"

runs=11 memory=512M accelerators=kvm,translator qemu=yes json=no
while [ $# -gt 0 ]; do
  case "$1" in
    --runs) runs=${2:-}; need_number --runs "$runs" 1; shift ;;
    --memory) memory=${2:-}; shift ;;
    --accel) accelerators=${2:-}; shift ;;
    --no-qemu) qemu=no ;;
    --json) json=yes ;;
    *) fail "unknown option '$1': give --runs, --memory, --accel, --no-qemu or --json" 2 ;;
  esac
  shift
done

nacelle=${NACELLE:-$bench/../artifacts/nacelle}
[ -x "$nacelle" ] || fail "there is no $nacelle: run ./build.sh" 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bench/probe.sh" "$work/probe.elf"

# Each line: a name, then the command; the memory size of QEMU is written the same way.
contenders=()
for accelerator in ${accelerators//,/ }; do
  [ "$accelerator" != kvm ] || [ -w /dev/kvm ] || { echo "startup.sh: /dev/kvm cannot be opened, left out" >&2; continue; }
  contenders+=("nacelle-$accelerator|$nacelle run -q --accel $accelerator --memory $memory --kernel $work/probe.elf --serial stdio")
done
if [ "$qemu" = yes ] && command -v qemu-system-x86_64 >/dev/null; then
  options="-m $memory -nodefaults -no-user-config -display none -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4"
  for machine in microvm q35; do
    for accelerator in kvm tcg; do
      [ "$accelerator" != kvm ] || [ -w /dev/kvm ] || continue
      contenders+=("qemu-$machine-$accelerator|qemu-system-x86_64 -M $machine,accel=$accelerator $options -kernel $work/probe.elf")
    done
  done
fi

# Microseconds from before exec to the first '!' of the guest; nothing when it does not come within the deadline.
measure() {
  local begin end byte descriptor pid
  begin=$(now)
  exec {descriptor}< <(exec timeout -s KILL 20 $1 2>/dev/null < /dev/null)
  pid=$!
  while IFS= read -r -N 1 -u "$descriptor" -t 20 byte; do
    if [ "$byte" = '!' ]; then
      end=$(now)
      echo $((end - begin))
      break
    fi
  done
  exec {descriptor}<&-
  wait "$pid" 2>/dev/null || true
}

declare -A failed=()
for ((run = 0; run <= runs; run++)); do
  for contender in "${contenders[@]}"; do
    name=${contender%%|*}
    [ -z "${failed[$name]:-}" ] || continue
    time=$(measure "${contender#*|}")
    if [ -z "$time" ]; then
      failed[$name]=yes
      echo "startup.sh: $name did not run the probe within 20 s, left out" >&2
    elif [ "$run" -gt 0 ]; then
      # The first round only warms the page cache.
      echo "$time" >> "$work/$name.times"
    fi
  done
done

separator=
[ "$json" = no ] || printf '{"benchmark": "startup", "memory": "%s", "unit": "us", "results": [' "$memory"
[ "$json" = yes ] || printf '%-22s %9s %9s %9s\n' "ms, $runs runs, $memory" median fastest slowest
for contender in "${contenders[@]}"; do
  name=${contender%%|*}
  [ -s "$work/$name.times" ] || continue
  middle=$(median < "$work/$name.times")
  if [ "$json" = yes ]; then
    printf '%s{"name": "%s", "median": %s, "times": %s}' "$separator" "$name" "$middle" "$(json_list < "$work/$name.times")"
    separator=', '
  else
    sort -n "$work/$name.times" > "$work/sorted"
    printf '%-22s %9s %9s %9s\n' "$name" "$(milliseconds "$middle")" \
      "$(milliseconds "$(head -n 1 "$work/sorted")")" "$(milliseconds "$(tail -n 1 "$work/sorted")")"
  fi
done
[ "$json" = no ] || printf ']}\n'
