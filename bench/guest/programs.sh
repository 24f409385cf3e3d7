#!/usr/bin/env bash
# Measures real programs natively, under Nacelle's translator and under QEMU's TCG: from the same disk of Debian packages, with
# the same kernel, vCPUs and memory. The guests alternate; each figure is the median of the runs, by the guest's clock.
#   bench/guest/programs.sh [--runs N] [--cpus N] [--memory SIZE] [--limit SECONDS] [--json] [PROGRAM...]
# PROGRAM: xz unxz sha256 aes rsa (openssl speed) sqlite3 python3 gcc dotnet (a self-contained .NET program).
# A program that fails in a guest, or takes longer than the limit, says so in its row.
# Needs artifacts/nacelle (./build.sh), artifacts/guests (./guests.sh), cpio, qemu-system-x86_64, user namespaces or root for the
# native runs, and what bench/guest/programs/disk.sh needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"

all=(xz unxz sha256 aes rsa sqlite3 python3 gcc dotnet)
runs=5 cpus=2 memory=2G limit=300 json=no programs=()
while [ $# -gt 0 ]; do
  case "$1" in
    --runs) runs=${2:-}; need_number --runs "$runs" 1; shift ;;
    --cpus) cpus=${2:-}; need_number --cpus "$cpus" 1; shift ;;
    --limit) limit=${2:-}; need_number --limit "$limit" 1; shift ;;
    --memory) memory=${2:-}; shift ;;
    --json) json=yes ;;
    -*) fail "unknown option '$1': see the head of this file" 2 ;;
    *) [[ " ${all[*]} " == *" $1 "* ]] || fail "unknown program '$1': there are ${all[*]}" 2
      programs+=("$1") ;;
  esac
  shift
done
[ ${#programs[@]} -ne 0 ] || programs=("${all[@]}")

artifacts=$here/../../artifacts
nacelle=${NACELLE:-$artifacts/nacelle}
for file in "$nacelle" "$artifacts/guests/vmlinuz-cloud" "$artifacts/guests/initramfs.cpio.gz"; do
  [ -r "$file" ] || fail "there is no $file: run ./build.sh and ./guests.sh" 3
done
for tool in cpio qemu-system-x86_64 unshare; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing" 3
done
"$here/programs/disk.sh"
disk=$artifacts/programs/disk.ext4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin"
install -m 755 "$here/programs/guest" "$work/root/bin/programs"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) > "$work/extra.gz"
cat "$artifacts/guests/initramfs.cpio.gz" "$work/extra.gz" > "$work/initramfs.gz"
append="console=ttyS0 quiet nacelle.run=\"programs $limit ${programs[*]}\""

# No guest gets longer than all its programs may, and as much again as a slow boot takes.
deadline=$((limit * ${#programs[@]} + 120))
native() { "$here/programs/native.sh" "$artifacts/programs/root" /bench/run "$limit" "${programs[@]}"; }
nacelle() {
  timeout "$deadline" "$nacelle" run -q --accel translator --cpus "$cpus" --memory "$memory" \
    --kernel "$artifacts/guests/vmlinuz-cloud" --initrd "$work/initramfs.gz" --append "$append" \
    --disk "${disk//,/,,},readonly=on" --serial stdio < /dev/null
}
qemu() {
  timeout "$deadline" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$memory" -nodefaults \
    -no-user-config -display none -serial stdio -kernel "$artifacts/guests/vmlinuz-cloud" -initrd "$work/initramfs.gz" \
    -append "$append" -drive "file=${disk//,/,,},format=raw,if=none,id=disk,readonly=on" -device virtio-blk-pci,drive=disk \
    -no-reboot < /dev/null
}

for ((run = 1; run <= runs; run++)); do
  if ((run % 2)); then order=(native nacelle qemu); else order=(native qemu nacelle); fi
  for contender in "${order[@]}"; do
    echo "run $run of $runs: $contender" >&2
    "$contender" 2> "$work/errors" | stamped > "$work/lines" || true
    sed -n "s/^[0-9]* bench \([a-z0-9]*\) \([0-9.]* [0-9a-f]*\|failed [0-9]*\)$/$contender \1 \2/p" "$work/lines" > "$work/found"
    sed -n "s/^[0-9]* error \(.*\)$/  $contender: \1/p" "$work/lines" >&2
    [ -s "$work/found" ] || { tail -n 5 "$work/errors" "$work/lines" >&2; echo "  $contender: no program gave a result" >&2; }
    cat "$work/found" >> "$work/times"
    echo "$contender $(clock_error < "$work/lines")" >> "$work/clocks"
  done
done

marks=$(wrong_clocks "$work/clocks")

# A contender's median in microseconds, or why there is none.
figure() {
  local failure
  failure=$(awk -v c="$1" -v k="$2" '$1 == c && $2 == k && $3 == "failed" { print $4; exit }' "$work/times")
  if [ -n "$failure" ]; then
    case "$failure" in
      124) echo "too-long" ;;
      132 | 133 | 134 | 136 | 139) echo "crashes" ;;
      *) echo "fails:$failure" ;;
    esac
    return
  fi
  local value
  value=$(awk -v c="$1" -v k="$2" '$1 == c && $2 == k { print int($3 * 1000000) }' "$work/times" | median)
  echo "${value:-nothing}"
}
is_number() { [[ "$1" =~ ^[0-9]+$ ]]; }
shown() { if is_number "$1"; then echo "$(milliseconds "$1") ms"; else echo "$1"; fi; }
ratio_of() { if is_number "$1" && is_number "$2"; then ratio "$1" "$2"; else echo -; fi; }
status=0
rows=()
for program in "${programs[@]}"; do
  values=()
  for contender in native nacelle qemu; do values+=("$(figure "$contender" "$program")"); done
  same=yes
  [ "$(awk -v k="$program" '$2 == k && $3 != "failed" { print $4 }' "$work/times" | sort -u | wc -l)" = 1 ] || same=no
  is_number "${values[1]}" && [ "$same" = yes ] || status=1
  rows+=("$program ${values[*]} $same")
done

if [ "$json" = yes ]; then
  printf '{"benchmark": "programs", "cpus": %d, "memory": "%s", "runs": %d, "unit": "us", "programs": [' "$cpus" "$memory" "$runs"
  separator=
  for row in "${rows[@]}"; do
    read -r program native nacelle qemu same <<< "$row"
    printf '%s{"name": "%s"' "$separator" "$program"
    for contender in native nacelle qemu; do
      value=${!contender}
      if is_number "$value"; then
        printf ', "%s": {"median": %s, "times": %s}' "$contender" "$value" \
          "$(awk -v c="$contender" -v k="$program" '$1 == c && $2 == k { print int($3 * 1000000) }' "$work/times" | json_list)"
      else
        printf ', "%s": {"failure": "%s"}' "$contender" "$value"
      fi
    done
    printf ', "sameResults": %s}' "$([ "$same" = yes ] && echo true || echo false)"
    separator=', '
  done
  printf '], "clockErrorsPercent": {'
  separator=
  for contender in native nacelle qemu; do
    printf '%s"%s": %s' "$separator" "$contender" "$(awk -v c="$contender" '$1 == c && NF > 1 { print $2 }' "$work/clocks" | json_list)"
    separator=', '
  done
  printf '}}\n'
  exit "$status"
fi

printf '%-10s %13s %13s %13s %14s %12s\n' program native nacelle tcg nacelle/native tcg/nacelle
for row in "${rows[@]}"; do
  read -r program native nacelle qemu same <<< "$row"
  printf '%-10s %13s %13s %13s %14s %12s%s\n' "$program" "$(shown "$native")" "$(shown "$nacelle")" "$(shown "$qemu")" \
    "$(ratio_of "$nacelle" "$native")" "$(ratio_of "$qemu" "$nacelle")" "$([ "$same" = yes ] || echo '  the results differ')$marks"
done
# Over the programs that ran on both sides; fields from the left, where "ms" is one of its own.
printf '%s\n' "${rows[@]}" | awk '
  function number(x) { return x ~ /^[0-9]+$/ && x > 0 }
  number($2) && number($3) { native += log($3 / $2); natives++ }
  number($3) && number($4) { tcg += log($4 / $3); tcgs++ }
  END {
    if (natives) printf "geometric mean nacelle/native %.2f over %d programs\n", exp(native / natives), natives
    if (tcgs) printf "geometric mean tcg/nacelle %.2f over %d programs\n", exp(tcg / tcgs), tcgs
  }'
echo "guests' clocks against the host's: off by at most $(worst_clock "$work/clocks" nacelle) % under nacelle, $(worst_clock "$work/clocks" qemu) % under tcg"
exit "$status"
