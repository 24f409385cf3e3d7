# Trees of files from Debian packages and disks from trees, without root. Sourced with 'fail' and 'cache' as packages.sh wants them;
# packages.sh itself is sourced behind begin_disk.

# unpack_tree ROOT PACKAGE...: the packages with all that they depend on, unpacked and not configured.
unpack_tree() {
  local root=$1 files file name
  shift
  files=$(packages_with_dependencies "$@")
  # Debian 12 keeps programs and libraries under /usr, with links where they used to be.
  mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},proc,dev,tmp,mnt}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  for file in $files; do
    dpkg-deb --fsys-tarfile "$file" | tar -x -C "$root" --keep-directory-symlink --no-same-owner
  done
  rm -rf "$root"/usr/share/{doc,man,locale,info,lintian}
}

# tree_disk ROOT FILE: the tree as an ext4 file system. Without a journal: guests only read it.
tree_disk() {
  local size
  size=$(du -sm --apparent-size "$1" | cut -f1)
  mke2fs -q -t ext4 -O ^has_journal -b 4096 -d "$1" "$2.new" "$((size * 5 / 4 + 64))M" >&2
  mv "$2.new" "$2"
}

# begin_disk FOLDER RECIPE: ends the script where FOLDER was made by this recipe; otherwise leaves it empty, and others waiting.
begin_disk() {
  [ "$(cat "$1/recipe" 2>/dev/null)" != "$2" ] || exit 0
  mkdir -p "$cache" "$1"
  exec 9> "$cache/lock"
  flock 9
  [ "$(cat "$1/recipe" 2>/dev/null)" != "$2" ] || exit 0
  rm -rf "${1:?}"/*
}
