#!/usr/bin/env bash
# Runs Debian's programs on the host and in a guest on the translator, from the same tree, and compares what they print and
# how they end:
#   tests/programs/compare.sh few|all [--cpu MODEL] [--cpus N] [--memory SIZE] [--limit SECONDS] [PROGRAM...]
# A row a program: "same", or "differs" with the difference below. Ends with 0 when all are the same and the guest's kernel had
# nothing to complain of. Needs ./guests.sh and the executable that NACELLE_EXECUTABLE names (default: artifacts/nacelle).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
fail() { echo "compare.sh: $1" >&2; exit "${2:-1}"; }

set=${1:-} cpu=host cpus=2 memory=3G limit=900 accel=translator names=()
case "$set" in few | all) shift ;; *) fail "give 'few' or 'all' first" 2 ;; esac
while [ $# -gt 0 ]; do
  case "$1" in
    --cpu | --cpus | --memory | --limit | --accel)
      [ $# -ge 2 ] || fail "$1 needs a value" 2
      declare "${1#--}=$2"; shift ;;
    -*) fail "unknown option '$1': see the head of this file" 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
nacelle=${NACELLE_EXECUTABLE:-$project/artifacts/nacelle}
guests=$project/artifacts/guests
for file in "$nacelle" "$guests/vmlinuz-cloud" "$guests/initramfs.cpio.gz"; do
  [ -r "$file" ] || fail "$file is missing: run ./build.sh and ./guests.sh" 3
done
for tool in cpio unshare; do command -v "$tool" >/dev/null || fail "'$tool' is missing" 3; done

"$here/disk.sh" "$set"
suite=$project/artifacts/suite/$set
[ ${#names[@]} -ne 0 ] || mapfile -t names < <(ls "$suite/root/suite/programs")
for name in "${names[@]}"; do
  [ -f "$suite/root/suite/programs/$name" ] || fail "'$set' has no program '$name'; there are: $(ls "$suite/root/suite/programs" | tr '\n' ' ')" 2
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One file a program from what 'run' says: what it printed, and how it ended.
split() {
  mkdir -p "$2"
  tr -d '\r' < "$1" | awk -v to="$2" '
    /^suite [^ ]+ begin$/ { file = to "/" $2; printf "" > file; next }
    /^suite [^ ]+ end / { print "ended with " $4 > file; close(file); print $5 > (file ".seconds"); close(file ".seconds"); file = ""; next }
    file != "" && /^\| ?/ { print substr($0, 3) > file }'
}

# What the host says is kept as long as the disk is the same.
missing=()
for name in "${names[@]}"; do [ -s "$suite/native/$name.seconds" ] || missing+=("$name"); done
if [ ${#missing[@]} -ne 0 ]; then
  "$project/bench/guest/programs/native.sh" "$suite/root" /suite/run "$limit" "${missing[@]}" > "$work/native.log" 2>&1 || true
  split "$work/native.log" "$suite/native"
fi

mkdir -p "$work/root/bin"
install -m 755 "$here/guest" "$work/root/bin/suite"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) | cat "$guests/initramfs.cpio.gz" - > "$work/initramfs.gz"
deadline=$((limit * ${#names[@]} / 4 + limit + 120)) code=0
timeout -k 10 "$deadline" "$nacelle" run -q --accel "$accel" --cpu "$cpu" --cpus "$cpus" --memory "$memory" \
  --kernel "$guests/vmlinuz-cloud" --initrd "$work/initramfs.gz" --append "console=ttyS0 quiet loglevel=1 nacelle.run=\"suite $limit ${names[*]}\"" \
  --disk "${suite//,/,,}/disk.ext4,readonly=on" --no-reboot < /dev/null > "$work/guest.log" 2> "$work/errors" || code=$?
split "$work/guest.log" "$work/guest"

status=0 same=0
for name in "${names[@]}"; do
  native=$suite/native/$name guest=$work/guest/$name
  if [ ! -s "$native.seconds" ]; then
    echo "$name did not end on the host"; status=1
  elif [ "$(tail -n 1 "$native")" = "ended with 77" ]; then
    echo "$name cannot run on this host: see its file"
  elif [ ! -s "$guest.seconds" ]; then
    echo "$name did not end in the guest"; status=1
  elif ! diff "$native" "$guest" > "$work/difference"; then
    echo "$name differs (< host, > guest):"; head -n 20 "$work/difference" | cut -c 1-200; status=1
  elif [ "$(tail -n 1 "$native")" != "ended with 0" ]; then
    echo "$name fails on the host too:"; tail -n 5 "$native"; status=1
  else
    echo "$name same, $(cat "$native.seconds") s on the host, $(cat "$guest.seconds") s in the guest"; same=$((same + 1))
  fi
done
if grep -a '^suite kernel:' "$work/guest.log"; then status=1; fi
if [ "$code" != 0 ]; then
  echo "the machine ended with $code"; tail -n 5 "$work/errors" "$work/guest.log"; status=1
fi
echo "$same of ${#names[@]} the same, --cpu $cpu --cpus $cpus"
exit "$status"
