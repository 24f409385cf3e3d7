#!/usr/bin/env bash
# Builds everything and runs every test project; --long adds the tests marked Long, and builds for release: in a debug build
# some of them would not end in time.
set -uo pipefail
cd "$(dirname "$0")"
. scripts/prerequisites.sh

long=no configuration=Debug
case "${1:-}" in
  "") ;;
  --long) long=yes configuration=Release ;;
  *) echo "test.sh: unknown option '$1': give --long or nothing" >&2; exit 2 ;;
esac

# Tools of the administrator are not on everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin

need_sdk
need procps command -v free
need iproute2 command -v ip
need passt command -v passt
need qemu-utils command -v qemu-io
need gdb command -v gdb
need acpica-tools command -v iasl
need iperf3 command -v iperf3
need qemu-system-x86 command -v qemu-system-x86_64
need libvirt-clients command -v virt-xml-validate
need libxml2-utils command -v xmllint
need util-linux command -v unshare
need fdisk command -v sfdisk
need e2fsprogs command -v mkfs.ext4
need xfsprogs command -v mkfs.xfs
need btrfs-progs command -v mkfs.btrfs
need dosfstools command -v mkfs.vfat
need cryptsetup-bin command -v cryptsetup
need kmod command -v modprobe
need gcc command -v gcc
need g++ command -v g++
need libc6-dev test -e /usr/include/x86_64-linux-gnu/stdlib.h -o -e /usr/include/stdlib.h
need cpio command -v cpio
if [ "$long" = yes ]; then
  need libgmp-dev test -e /usr/include/x86_64-linux-gnu/gmp.h
  need libssl-dev test -e /usr/include/openssl/ssl.h
fi
need_packages

./guests.sh || exit 1

dotnet restore nacelle.slnx --locked-mode -v q || exit 1
dotnet build nacelle.slnx --no-restore -c "$configuration" -v q || exit 1

log=$(mktemp) && reasons=$(mktemp) || exit 1
trap 'rm -f "$log" "$reasons"' EXIT
passed=0 failed=0 skipped=0 broken=0
for project in tests/*.Tests/; do
  name=$(basename "$project")
  executable="$project/bin/$configuration/net10.0/linux-x64/$name"
  [ -x "$executable" ] || { echo "test.sh: $name was not built" >&2; broken=1; continue; }
  filter=()
  [ "$long" = yes ] || filter=(-trait- Duration=Long)
  echo "== $name"
  "$executable" -noLogo -noColor "${filter[@]}" 2>&1 | tee "$log"; code=${PIPESTATUS[0]}
  # A test that is skipped is followed by its reason, further in.
  awk '/ \[SKIP\]$/ { wait = 1; next } wait { sub(/^ +/, ""); print; wait = 0 }' "$log" >> "$reasons"
  summary=$(grep -E "^ *$name +Total: " "$log" | tail -n 1)
  count() { printf '%s' "$summary" | sed -n "s/.*$1: \([0-9]*\).*/\1/p"; }
  total=$(count Total) errors=$(count Errors) bad=$(count Failed) skip=$(count Skipped) left=$(count 'Not Run')
  : "${total:=0}" "${errors:=0}" "${bad:=0}" "${skip:=0}" "${left:=0}"
  passed=$((passed + total - bad - skip - left)) failed=$((failed + bad + errors)) skipped=$((skipped + skip))
  if [ -z "$summary" ] || { [ "$code" -ne 0 ] && [ $((bad + errors)) -eq 0 ]; }; then
    echo "test.sh: $name ended with exit code $code and no count" >&2
    broken=1
  fi
done

if [ -s "$reasons" ]; then
  echo "== skipped, and why"
  sort "$reasons" | uniq -c | sort -rn
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$passed" -gt 0 ]
