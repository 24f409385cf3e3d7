#!/usr/bin/env bash
# Puts the disk of bench/guest/programs.sh together from Debian packages, without root:
#   artifacts/programs/root          the tree, to run the programs natively
#   artifacts/programs/disk.ext4     the same as a file system for guests
# Does nothing where they are there already. Needs apt-get, dpkg, tar, mke2fs, xz and the .NET SDK.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../common.sh"
project=$(cd "$here/../../.." && pwd)
output=$project/artifacts/programs
cache=$project/artifacts/cache/guests
packages=(bash coreutils mawk sed xz-utils openssl sqlite3 python3 gcc libc6-dev libstdc++6)

for tool in apt-get apt-cache dpkg dpkg-deb tar mke2fs xz dotnet sha256sum; do
  command -v "$tool" >/dev/null || fail "'$tool' is missing: run this on Debian or a system derived from it, with the .NET 10 SDK" 3
done

recipe=$(cat "$project"/guests/{packages,tree}.sh "$here"/{disk.sh,run,queries.sql,program.py} "$here"/workload/*.cs* "$here/../guestbench.c" | sha256sum | cut -d' ' -f1)
. "$project/guests/tree.sh"
begin_disk "$output" "$recipe"
root=$output/root

. "$project/guests/packages.sh"
need_lists
unpack_tree "$root" "${packages[@]}"
mkdir "$root/bench"

# What the packages' scripts would have done, as far as it is needed.
ln -s mawk "$root/usr/bin/awk"

install -m 755 "$here/run" "$root/bench/run"
install -m 644 "$here"/{queries.sql,program.py} "$root/bench"
install -m 644 "$here/../guestbench.c" "$root/bench/source.c"

# Four megabytes of what there is: sources, and libraries of the machine's own code.
(cd "$root/usr/lib" && cat python3.11/[a-d]*.py x86_64-linux-gnu/libcrypto.so.3) | head -c 4M > "$root/bench/input" || [ $? = 141 ]
xz -6 -T1 -c "$root/bench/input" > "$root/bench/input.xz"
dotnet publish "$here/workload" -c Release -v q "-p:PublishDir=$root/bench/workload/" >&2

tree_disk "$root" "$output/disk.ext4"
echo "$recipe" > "$output/recipe"
