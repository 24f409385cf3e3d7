#!/usr/bin/env bash
# Measures how two vCPUs get along: what two independent jobs of a kind lose against one alone, natively, under Nacelle's
# translator and under QEMU's TCG, each job bound to a processor of its own. The guests alternate; each figure is the median
# of the runs, of the slower of the two jobs.
#   bench/guest/scaling.sh [--runs N] [--scale X] [--memory SIZE] [--json] [KIND...]
# What the bare machine loses by itself stands in the native column: shared caches, and processors that share a core.
# Needs artifacts/nacelle (./build.sh), artifacts/guests (./guests.sh), gcc, cpio, taskset, qemu-system-x86_64 and two processors.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"

runs=5 scale=1 memory=1G json=no kinds=()
while [ $# -gt 0 ]; do
  case "$1" in
    --runs) runs=${2:-}; need_number --runs "$runs" 1; shift ;;
    --scale) scale=${2:-}; [[ "$scale" =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail "--scale takes a number, not '$scale'" 2; shift ;;
    --memory) memory=${2:-}; shift ;;
    --json) json=yes ;;
    -*) fail "unknown option '$1': see the head of this file" 2 ;;
    *) kinds+=("$1") ;;
  esac
  shift
done
[ ${#kinds[@]} -ne 0 ] || kinds=(crc sort recursion bits bytecode virtual double matrix avx x87 chase copy hash strings smc)

artifacts=$here/../../artifacts
nacelle=${NACELLE:-$artifacts/nacelle}
for file in "$nacelle" "$artifacts/guests/vmlinuz-cloud" "$artifacts/guests/initramfs.cpio.gz"; do
  [ -r "$file" ] || fail "there is no $file: run ./build.sh and ./guests.sh" 3
done
for tool in gcc cpio taskset qemu-system-x86_64; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing" 3
done
[ "$(nproc)" -ge 2 ] || fail "two jobs at once need two processors, and this machine has one" 3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin"
gcc -O2 -static -pthread -fno-math-errno -o "$work/root/bin/guestbench" "$here/guestbench.c"

# For each kind one job alone on either processor, then two at once; taskset's masks, so that busybox has it too.
cat > "$work/root/bin/scaling" <<'END'
#!/bin/sh
scale=$1
shift
job() { taskset "$1" guestbench "$scale" "$2" | sed -n "s/^bench/$3/p"; }
read -r up rest < /proc/uptime
echo "clock $up"
for kind in "$@"; do
  job 1 "$kind" alone
  job 2 "$kind" alone
  job 1 "$kind" pair > /tmp/scaling-first &
  job 2 "$kind" pair > /tmp/scaling-second
  wait
  cat /tmp/scaling-first /tmp/scaling-second
done
rm /tmp/scaling-first /tmp/scaling-second
read -r up rest < /proc/uptime
echo "clock $up"
END
chmod +x "$work/root/bin/scaling"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) > "$work/extra.gz"
cat "$artifacts/guests/initramfs.cpio.gz" "$work/extra.gz" > "$work/initramfs.gz"
append="console=ttyS0 quiet nacelle.run=\"scaling $scale ${kinds[*]}\""

native() { PATH=$work/root/bin:$PATH scaling "$scale" "${kinds[@]}"; }
nacelle() {
  "$nacelle" run -q --accel translator --cpus 2 --memory "$memory" --kernel "$artifacts/guests/vmlinuz-cloud" \
    --initrd "$work/initramfs.gz" --append "$append" --serial stdio < /dev/null
}
qemu() {
  qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -nodefaults -no-user-config -display none \
    -serial stdio -kernel "$artifacts/guests/vmlinuz-cloud" -initrd "$work/initramfs.gz" -append "$append" -no-reboot < /dev/null
}

# Of each kind and run the mean of the jobs alone and the slower of the pair, in microseconds.
for ((run = 1; run <= runs; run++)); do
  for contender in native nacelle qemu; do
    echo "run $run of $runs: $contender" >&2
    "$contender" 2>/dev/null | stamped > "$work/lines"
    echo "$contender $(clock_error < "$work/lines")" >> "$work/clocks"
    awk -v contender="$contender" '
      $2 == "alone" { alone[$3] += $4 / 2; if (!($3 in seen)) { seen[$3]; order[++n] = $3 } }
      $2 == "pair" { pairs[$3]++; if ($4 > pair[$3]) pair[$3] = $4 }
      END { for (i = 1; i <= n; i++) if (pairs[order[i]] == 2) printf "%s %s %d %d\n", contender, order[i], alone[order[i]] * 1e6, pair[order[i]] * 1e6 }
    ' "$work/lines" >> "$work/times"
  done
done

# A column of a contender's runs of a kind: 3 alone, 4 in a pair.
middle() { awk -v c="$1" -v k="$2" -v n="$3" '$1 == c && $2 == k { print $n }' "$work/times" | median; }
loss() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", (b / a - 1) * 100 }'; }

marks=$(wrong_clocks "$work/clocks")
[ "$json" = yes ] && printf '{"benchmark": "scaling", "runs": %d, "unit": "us", "kinds": [' "$runs" \
  || printf '%-10s %12s %12s %12s   loss of the slower of two jobs at once\n' kind native nacelle tcg
separator=
for kind in "${kinds[@]}"; do
  cells=() fields=
  for contender in native nacelle qemu; do
    alone=$(middle "$contender" "$kind" 3)
    pair=$(middle "$contender" "$kind" 4)
    [ -n "$alone" ] && [ -n "$pair" ] || fail "'$kind' gave no result: $contender" 1
    cells+=("$(loss "$alone" "$pair") %")
    fields+=", \"$contender\": {\"alone\": $alone, \"pair\": $pair, \"lossPercent\": $(loss "$alone" "$pair")}"
  done
  if [ "$json" = yes ]; then
    printf '%s{"name": "%s"%s}' "$separator" "$kind" "$fields"
    separator=', '
  else
    printf '%-10s %12s %12s %12s%s\n' "$kind" "${cells[@]}" "$marks"
  fi
done
[ "$json" = no ] || printf ']}\n'
