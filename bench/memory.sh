#!/usr/bin/env bash
# Measures the monitor's resident memory beyond the guest's RAM: everything in /proc/PID/smaps but the guest's memory file.
#   bench/memory.sh [--memory SIZE] [--cpus N] [--json]
# Needs artifacts/nacelle (./build.sh); with artifacts/guests (./guests.sh) also with a booted Linux on each accelerator that
# runs kernels at speed here.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
. "$bench/common.sh"

memory=512M cpus=1 json=no
while [ $# -gt 0 ]; do
  case "$1" in
    --memory) memory=${2:-}; shift ;;
    --cpus) cpus=${2:-}; need_number --cpus "$cpus" 1; shift ;;
    --json) json=yes ;;
    *) fail "unknown option '$1': give --memory, --cpus or --json" 2 ;;
  esac
  shift
done

nacelle=${NACELLE:-$bench/../artifacts/nacelle}
[ -x "$nacelle" ] || fail "there is no $nacelle: run ./build.sh" 3
guests=$bench/../artifacts/guests
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; rm -rf "$work"' EXIT
"$bench/probe.sh" "$work/probe.elf" wait

separator=
[ "$json" = no ] || printf '{"benchmark": "memory", "memory": "%s", "cpus": %d, "unit": "KiB", "results": [' "$memory" "$cpus"
[ "$json" = yes ] || printf '%-34s %10s %10s %10s\n' "KiB, $memory, $cpus vCPU" resident private "guest RAM"

# measure NAME MARKER OPTION...: starts a machine, waits for the marker on the serial port, looks, ends it.
measure() {
  local name=$1 marker=$2 seen=no text= chunk descriptor
  shift 2
  exec {descriptor}< <(exec "$nacelle" run -q --memory "$memory" --cpus "$cpus" --serial stdio "$@" 2>"$work/errors" < /dev/null)
  pid=$!
  while IFS= read -r -N 1 -t 120 -u "$descriptor" chunk; do
    text+=$chunk
    [ ${#text} -le 1000 ] || text=${text: -200}
    if [[ "$text" == *"$marker" ]]; then seen=yes; break; fi
  done
  [ "$seen" = yes ] || fail "$name did not write '$marker' within 120 s: $(cat "$work/errors")"
  awk '
    /^[0-9a-f]+-[0-9a-f]+ / { guest = /memfd:guest-ram/ }
    /^Rss:/ { if (guest) ram += $2; else resident += $2 }
    /^Private_(Clean|Dirty):/ { if (!guest) private += $2 }
    END { print resident + 0, private + 0, ram + 0 }' "/proc/$pid/smaps" > "$work/sums"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
  exec {descriptor}<&-
  read -r resident private ram < "$work/sums"
  if [ "$json" = yes ]; then
    printf '%s{"name": "%s", "resident": %s, "private": %s, "guestRam": %s}' "$separator" "$name" "$resident" "$private" "$ram"
    separator=', '
  else
    printf '%-34s %10s %10s %10s\n' "$name" "$resident" "$private" "$ram"
  fi
}

[ ! -w /dev/kvm ] || measure "kvm, halted probe" '!' --accel kvm --kernel "$work/probe.elf"
measure "translator, halted probe" '!' --accel translator --kernel "$work/probe.elf"
if [ -r "$guests/vmlinuz-cloud" ]; then
  linux=(--kernel "$guests/vmlinuz-cloud" --initrd "$guests/initramfs.cpio.gz"
    --append 'console=ttyS0 quiet nacelle.run=true nacelle.then=wait')
  # A kernel takes minutes on a KVM that "auto" refuses.
  "$bench/probe.sh" "$work/exit.elf"
  "$nacelle" run --accel auto --kernel "$work/exit.elf" --serial none > "$work/auto" 2>&1 < /dev/null || true
  if grep -q 'accelerator kvm' "$work/auto"; then
    measure "kvm, Debian at its first process" 'nacelle-guest: exit 0' --accel kvm "${linux[@]}"
  fi
  measure "translator, Debian, same place" 'nacelle-guest: exit 0' --accel translator "${linux[@]}"
fi
[ "$json" = no ] || printf ']}\n'
