#!/usr/bin/env bash
# Puts the disk of the program suite together from Debian packages, without root:
#   artifacts/suite/SET/root         the tree, to run the programs natively
#   artifacts/suite/SET/disk.ext4    the same as a file system for guests
#   disk.sh few|all                  the programs that the file 'few' names, or all in 'programs'
# Does nothing where they are there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
fail() { echo "disk.sh: $1" >&2; exit "${2:-1}"; }

case "${1:-}" in
  few) mapfile -t names < "$here/few" ;;
  all) mapfile -t names < <(ls "$here/programs") ;;
  *) fail "give 'few' or 'all'" 2 ;;
esac
output=$project/artifacts/suite/$1
cache=$project/artifacts/cache/guests
for tool in apt-get apt-cache dpkg dpkg-deb tar mke2fs g++ sha256sum; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing: run this on Debian or a system derived from it" 3
done

recipe=$(cat "$project"/guests/{packages,tree}.sh "$here"/{disk.sh,built.sh,run,few} "$here"/programs/* "$here"/sources/* | sha256sum | cut -d' ' -f1)
. "$project/guests/tree.sh"
begin_disk "$output" "$recipe"
root=$output/root

. "$project/guests/packages.sh"
need_lists
mapfile -t packages < <(cd "$here/programs" && sed -n 's/^# packages: //p' "${names[@]}" | tr ' ' '\n' | sort -u)
unpack_tree "$root" "${packages[@]}"

# What the packages' scripts would have done, as far as it is needed.
for awk in gawk mawk; do [ ! -x "$root/usr/bin/$awk" ] || ln -sf "$awk" "$root/usr/bin/awk"; done
[ -e "$root/usr/bin/sh" ] || ln -s bash "$root/usr/bin/sh"
for name in convert identify; do [ ! -x "$root/usr/bin/$name-im6.q16" ] || ln -sf "$name-im6.q16" "$root/usr/bin/$name"; done
[ ! -x "$root/usr/bin/php8.2" ] || ln -sf php8.2 "$root/usr/bin/php"
jvm=usr/lib/jvm/java-17-openjdk-amd64
for name in java javac; do [ ! -x "$root/$jvm/bin/$name" ] || ln -sf "/$jvm/bin/$name" "$root/usr/bin/$name"; done
mkdir -p "$root/etc"
printf 'root:x:0:0::/:/bin/bash\nnobody:x:65534:65534::/:/bin/bash\n' > "$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
# Libraries in folders of their own (BLAS, PulseAudio) are found through the linker's cache.
find "$root/usr/lib/x86_64-linux-gnu" -mindepth 2 -maxdepth 2 -name 'lib*.so.*' -printf '/usr/lib/x86_64-linux-gnu/%P\n' \
  | xargs -r -n1 dirname | sort -u > "$root/etc/ld.so.conf"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(unshare --user --map-root-user)
"${as_root[@]}" /sbin/ldconfig -r "$root" 2>/dev/null || fail "no cache of libraries: /sbin/ldconfig -r needs root or user namespaces" 3

mkdir -p "$root"/suite/{programs,sources,built}
install -m 755 "$here/run" "$root/suite/run"
for name in "${names[@]}"; do install -m 644 "$here/programs/$name" "$root/suite/programs/$name"; done
install -m 644 "$here"/sources/* "$root/suite/sources"
# Two megabytes of what there is: text, and machine code.
(cat "$here"/sources/* "$here"/programs/*; cat "$root"/usr/share/perl5/*/*.pm "$root"/usr/share/perl/*/*.pm "$root"/usr/lib/x86_64-linux-gnu/libcrypto.so.3) 2>/dev/null \
  | head -c 2M > "$root/suite/sources/input" || [ -s "$root/suite/sources/input" ]
. "$here/built.sh"

tree_disk "$root" "$output/disk.ext4"
echo "$recipe" > "$output/recipe"
