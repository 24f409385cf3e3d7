#!/usr/bin/env bash
# Measures booting: from before exec to the guest's first process, on Nacelle's translator and on QEMU's TCG with the same
# kernel, initramfs, vCPUs and memory. The two alternate in one run, and who goes first changes with each pair.
#   bench/boot.sh [--pairs N] [--cpus N] [--memory SIZE] [--kernel FILE] [--initrd FILE] [--append TEXT] [--marker TEXT]
#                 [--accel NAME] [--deadline SECONDS] [--json]
# Needs artifacts/nacelle (./build.sh), artifacts/guests (./guests.sh) and qemu-system-x86_64.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
. "$bench/common.sh"

pairs=5 cpus=2 memory=1G accelerator=translator deadline=120 json=no
kernel=$bench/../artifacts/guests/vmlinuz-cloud
initrd=$bench/../artifacts/guests/initramfs.cpio.gz
append='console=ttyS0'
marker='nacelle-guest: init'
while [ $# -gt 0 ]; do
  case "$1" in
    --pairs) pairs=${2:-}; need_number --pairs "$pairs" 1; shift ;;
    --cpus) cpus=${2:-}; need_number --cpus "$cpus" 1; shift ;;
    --deadline) deadline=${2:-}; need_number --deadline "$deadline" 1; shift ;;
    --memory) memory=${2:-}; shift ;;
    --kernel) kernel=${2:-}; shift ;;
    --initrd) initrd=${2:-}; shift ;;
    --append) append=${2:-}; shift ;;
    --marker) marker=${2:-}; shift ;;
    --accel) accelerator=${2:-}; shift ;;
    --json) json=yes ;;
    *) fail "unknown option '$1': see the head of this file" 2 ;;
  esac
  shift
done

nacelle=${NACELLE:-$bench/../artifacts/nacelle}
[ -x "$nacelle" ] || fail "there is no $nacelle: run ./build.sh" 3
for file in "$kernel" "$initrd"; do
  [ -r "$file" ] || fail "there is no $file: run ./guests.sh" 3
done
command -v qemu-system-x86_64 >/dev/null || fail "qemu-system-x86_64 is missing: apt-get install qemu-system-x86" 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run_nacelle() {
  exec "$nacelle" run -q --accel "$accelerator" --cpus "$cpus" --memory "$memory" \
    --kernel "$kernel" --initrd "$initrd" --append "$append" --serial stdio
}
run_qemu() {
  exec qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$memory" -nodefaults -no-user-config \
    -display none -serial stdio -kernel "$kernel" -initrd "$initrd" -append "$append"
}

# Adds the microseconds that a contender took to the marker's line to its file; ends the bench when the line does not come.
measure() {
  local name=$1 begin end= line descriptor pid
  begin=$(now)
  exec {descriptor}< <("run_$name" 2>"$work/$name.errors" < /dev/null)
  pid=$!
  while IFS= read -r -t "$deadline" -u "$descriptor" line; do
    printf '%s\n' "$line" >> "$work/$name.serial"
    if [[ "$line" == *"$marker"* ]]; then
      end=$(now)
      break
    fi
    [ $(($(now) - begin)) -lt $((deadline * 1000000)) ] || break
  done
  kill -KILL "$pid" 2>/dev/null || true
  exec {descriptor}<&-
  wait "$pid" 2>/dev/null || true
  if [ -z "$end" ]; then
    tail -n 20 "$work/$name.serial" "$work/$name.errors" >&2 2>/dev/null || true
    fail "$name did not write '$marker' within $deadline s; the last that it said stands above" 1
  fi
  rm -f "$work/$name.serial"
  echo $((end - begin)) >> "$work/$name.times"
}

for ((pair = 1; pair <= pairs; pair++)); do
  if ((pair % 2)); then order=(nacelle qemu); else order=(qemu nacelle); fi
  for contender in "${order[@]}"; do measure "$contender"; done
  [ "$json" = yes ] || printf 'pair %d: nacelle %s ms, qemu %s ms\n' "$pair" \
    "$(milliseconds "$(tail -n 1 "$work/nacelle.times")")" "$(milliseconds "$(tail -n 1 "$work/qemu.times")")"
done

ours=$(median < "$work/nacelle.times")
theirs=$(median < "$work/qemu.times")
if [ "$json" = yes ]; then
  printf '{"benchmark": "boot", "kernel": "%s", "cpus": %d, "memory": "%s", "accelerator": "%s", "unit": "us", ' \
    "$(basename "$kernel")" "$cpus" "$memory" "$accelerator"
  printf '"nacelle": {"median": %s, "times": %s}, "qemu": {"median": %s, "times": %s}, "ratio": %s}\n' \
    "$ours" "$(json_list < "$work/nacelle.times")" "$theirs" "$(json_list < "$work/qemu.times")" "$(ratio "$ours" "$theirs")"
else
  printf 'median: nacelle %s ms, qemu %s ms, ratio %s\n' "$(milliseconds "$ours")" "$(milliseconds "$theirs")" "$(ratio "$ours" "$theirs")"
fi
