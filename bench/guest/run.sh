#!/usr/bin/env bash
# Measures what guests compute: guestbench natively, under Nacelle's translator and under QEMU's TCG, with the same static
# binary, kernel, vCPUs and memory. The guests alternate; each figure is the median of the runs, by the guest's clock, which is
# compared with the host's over each run: where it is wrong by more than 1 % the rows say so.
# With --patterns the ways through memory of patterns.c instead, for the soft TLB.
#   bench/guest/run.sh [--patterns] [--runs N] [--scale X] [--cpus N] [--memory SIZE] [KIND...]
# Needs artifacts/nacelle (./build.sh), artifacts/guests (./guests.sh), gcc, cpio and qemu-system-x86_64.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"

runs=5 scale=1 cpus=2 memory=1G source=guestbench.c kinds=()
while [ $# -gt 0 ]; do
  case "$1" in
    --runs) runs=${2:-}; need_number --runs "$runs" 1; shift ;;
    --patterns) source=patterns.c cpus=1 memory=1536M ;;
    --scale) scale=${2:-}; shift ;;
    --cpus) cpus=${2:-}; need_number --cpus "$cpus" 1; shift ;;
    --memory) memory=${2:-}; shift ;;
    -*) fail "unknown option '$1': see the head of this file" 2 ;;
    *) kinds+=("$1") ;;
  esac
  shift
done

artifacts=$here/../../artifacts
for file in "$artifacts/nacelle" "$artifacts/guests/vmlinuz-cloud" "$artifacts/guests/initramfs.cpio.gz"; do
  [ -r "$file" ] || fail "there is no $file: run ./build.sh and ./guests.sh" 3
done
for tool in gcc cpio qemu-system-x86_64; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing" 3
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A second archive after the first adds the benchmark to the guest's root.
mkdir -p "$work/root/bin"
gcc -O2 -static -pthread -fno-math-errno -o "$work/root/bin/guestbench" "$here/$source"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) > "$work/extra.gz"
cat "$artifacts/guests/initramfs.cpio.gz" "$work/extra.gz" > "$work/initramfs.gz"
append="console=ttyS0 quiet nacelle.run=\"guestbench $scale ${kinds[*]}\""

native() { "$work/root/bin/guestbench" "$scale" "${kinds[@]}"; }
nacelle() {
  "$artifacts/nacelle" run -q --accel translator --cpus "$cpus" --memory "$memory" --kernel "$artifacts/guests/vmlinuz-cloud" \
    --initrd "$work/initramfs.gz" --append "$append" --serial stdio < /dev/null
}
qemu() {
  qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$memory" -nodefaults -no-user-config \
    -display none -serial stdio -kernel "$artifacts/guests/vmlinuz-cloud" -initrd "$work/initramfs.gz" -append "$append" \
    -no-reboot < /dev/null
}

for ((run = 1; run <= runs; run++)); do
  for contender in native nacelle qemu; do
    echo "run $run of $runs: $contender" >&2
    "$contender" 2>/dev/null | stamped > "$work/lines"
    echo "$contender $(clock_error < "$work/lines")" >> "$work/clocks"
    sed -n "s/^[0-9]* bench \([a-z0-9]*\) *\([0-9.]*\) \([0-9a-f]*\)$/$contender \1 \2 \3/p" "$work/lines" >> "$work/times"
  done
done

marks=$(wrong_clocks "$work/clocks")
table() {
  printf '%-10s %10s %10s %10s %14s %12s\n' kind native nacelle tcg nacelle/native tcg/nacelle
  sed -n 's/^native \([a-z0-9]*\) .*/\1/p' "$work/times" | awk '!seen[$0]++' | while read -r kind; do
    row=("$kind")
    for contender in native nacelle qemu; do
      value=$(awk -v c="$contender" -v k="$kind" '$1 == c && $2 == k { print int($3 * 1000000) }' "$work/times" | median)
      row+=("${value:-0}")
    done
    [ "${row[2]}" != 0 ] && [ "${row[3]}" != 0 ] || fail "'$kind' gave no result in a guest" 1
    [ "$(awk -v k="$kind" '$2 == k { print $4 }' "$work/times" | sort -u | wc -l)" = 1 ] || echo "$kind: the results differ" >&2
    printf '%-10s %8s ms %7s ms %7s ms %14s %12s%s\n' "$kind" "$(milliseconds "${row[1]}")" "$(milliseconds "${row[2]}")" \
      "$(milliseconds "${row[3]}")" "$(ratio "${row[2]}" "$((row[1] + 1))")" "$(ratio "${row[3]}" "${row[2]}")" "$marks"
  done
}

# The geometric mean of one column over those kinds of a group that ran.
mean() {
  awk -v name="$1" -v column="$2" -v kinds=" $3 " 'index(kinds, " " $1 " ") { sum += log($column); n++ }
    END { if (n) printf "%-26s %.2f\n", name, exp(sum / n) }' "$work/table"
}

table | tee "$work/table"
integer="crc sort recursion bits bytecode virtual" floating="double matrix avx x87" memory_kinds="chase copy hash"
echo "geometric means"
mean "tcg/nacelle integer" 9 "$integer"
mean "tcg/nacelle floating point" 9 "$floating"
mean "tcg/nacelle memory" 9 "$memory_kinds"
mean "tcg/nacelle system" 9 "syscall pipe fork exec fault files yield atomic"
mean "nacelle/native compute" 8 "$integer $floating $memory_kinds strings"
echo "guests' clocks against the host's: off by at most $(worst_clock "$work/clocks" nacelle) % under nacelle, $(worst_clock "$work/clocks" qemu) % under tcg"
