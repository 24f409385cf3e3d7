#!/usr/bin/env bash
# Puts the test guests together from Debian packages, without root and without touching the host:
#   artifacts/guests/vmlinuz-cloud, vmlinuz-generic, vmlinuz-rt    Debian's kernels as they are
#   artifacts/guests/initramfs.cpio.gz                             busybox and the virtio modules of all three
# Packages are kept under artifacts/cache/guests; --update looks for newer ones.
set -euo pipefail
cd "$(dirname "$0")"

output=artifacts/guests
cache=artifacts/cache/guests
kinds=(cloud generic rt)

fail() { echo "guests.sh: $1" >&2; exit "${2:-1}"; }

update=no
case "${1:-}" in
  "") ;;
  --update) update=yes ;;
  *) fail "unknown option '$1': give --update or nothing" 2 ;;
esac

# What the result is made from; a re-run with the same does nothing.
recipe=$(cat guests.sh guests/* | sha256sum | cut -d' ' -f1)
if [ "$update" = no ] && [ "$(cat "$output/recipe" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

for tool in apt-get apt-cache dpkg gzip flock sha256sum; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing: run this on Debian or a system derived from it" 3
done

mkdir -p "$cache" "$output"
root=$(pwd)

# One at a time; whoever waits finds the work done.
exec 9> "$cache/lock"
flock 9
if [ "$update" = no ] && [ "$(cat "$output/recipe" 2>/dev/null)" = "$recipe" ]; then
  exit 0
fi

. guests/packages.sh
need_lists
[ "$update" = no ] || fetch_lists

work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$root/$work"' EXIT

file=$(package busybox-static)
dpkg -x "$file" "$work/busybox"
busybox=$work/busybox/bin/busybox

tree=$work/root
mkdir -p "$tree"/{bin,sbin,dev,proc,sys,tmp,mnt,etc,lib/modules,etc/udhcpc}
cp "$busybox" "$tree/bin/busybox"
for applet in $("$busybox" --list); do
  case "$applet" in busybox | linuxrc) ;; *) ln -s busybox "$tree/bin/$applet" ;; esac
done
install -m 755 guests/init "$tree/init"
install -m 644 guests/shrc "$tree/etc/shrc"
install -m 755 guests/udhcpc.script "$tree/etc/udhcpc/default.script"
install -m 644 guests/words "$tree/etc/words"
install -m 755 guests/session "$tree/etc/session"
echo '::once:/etc/session' > "$tree/etc/inittab"
# What acpid runs when the power button is pressed.
mkdir -p "$tree/etc/acpi/PWRF"
printf '#!/bin/sh\npoweroff\n' > "$tree/etc/acpi/PWRF/00000080"
chmod 755 "$tree/etc/acpi/PWRF/00000080"

# The modules that the tests need, by file name; those that they depend on come along.
wanted=(virtio_pci virtio_blk virtio_net virtio_console virtio-rng virtio_balloon pvpanic-mmio button evdev)

# Adds a module and, first, what its own record says it depends on.
add_module() {
  local from=$1 to=$2 name=$3 file dependency
  file=$(find "$from/kernel" \( -name "$name.ko" -o -name "${name//_/-}.ko" \) -print -quit)
  # What is no file is built into the kernel.
  [ -n "$file" ] || return 0
  [ ! -e "$to/${file#"$from/"}" ] || return 0
  install -D -m 644 "$file" "$to/${file#"$from/"}"
  for dependency in $(tr '\0' '\n' < "$file" | sed -n 's/^depends=//p' | tr ',' ' '); do
    add_module "$from" "$to" "$dependency"
  done
}

for kind in "${kinds[@]}"; do
  case "$kind" in generic) meta=linux-image-amd64 ;; *) meta=linux-image-$kind-amd64 ;; esac
  image=$(field "$meta" Depends | sed -n 's/^\(linux-image-[^ ,]*\).*/\1/p')
  [ -n "$image" ] || fail "package '$meta' names no kernel" 4
  file=$(package "$image")
  dpkg -x "$file" "$work/$kind"
  mv "$work/$kind"/boot/vmlinuz-* "$work/vmlinuz-$kind"
  for modules in "$work/$kind"/lib/modules/*; do
    version=$(basename "$modules")
    for module in "${wanted[@]}"; do
      add_module "$modules" "$tree/lib/modules/$version" "$module"
    done
    cp "$modules"/modules.builtin "$tree/lib/modules/$version/"
    "$busybox" depmod -b "$tree" "$version"
  done
  rm -rf "${work:?}/$kind"
done

# Times and owners are fixed, so that the same packages give the same bytes.
find "$tree" -exec touch -h -d @0 {} +
(cd "$tree" && find . | LC_ALL=C sort | "$root/$busybox" cpio -o -H newc -R 0:0 2>/dev/null) | gzip -n -9 > "$work/initramfs.cpio.gz"

# Each file appears whole; the recipe, last, says that all are there.
rm -f "$output/recipe"
for file in vmlinuz-cloud vmlinuz-generic vmlinuz-rt initramfs.cpio.gz; do
  chmod 644 "$work/$file"
  mv -f "$work/$file" "$output/$file"
done
echo "$recipe" > "$output/recipe"
ls -l "$output" | sed -n 's/^-[^ ]* *[^ ]* *[^ ]* *[^ ]* *\([0-9]*\).* \([^ ]*\)$/guests.sh: \2, \1 bytes/p' >&2
