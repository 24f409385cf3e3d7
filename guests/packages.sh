# Debian packages without root and without touching the host. Sourced, not run, with 'cache' set to a folder for them and
# 'fail' defined; 'fail MESSAGE 4' says that packages cannot be had.

# A package list of our own from the host's sources, so that root is not needed and the host's list stays as it is.
apt_state=$(mkdir -p "$cache" && cd "$cache" && pwd)/apt
mkdir -p "$apt_state"/{lists/partial,archives/partial}
: > "$apt_state/status"
apt_options=(
  -q -q
  -o "Dir::State=$apt_state" -o "Dir::State::status=$apt_state/status" -o "Dir::State::lists=$apt_state/lists"
  -o "Dir::Cache=$apt_state" -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root
  -o Dir::Cache::pkgcache=pkgcache.bin -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=1
)

fetch_lists() {
  apt-get "${apt_options[@]}" update >&2 || fail "no package list: see whether the network reaches what /etc/apt/sources.list names" 4
}

# Fetches the list unless it is there.
need_lists() {
  apt-cache "${apt_options[@]}" show busybox-static >/dev/null 2>&1 || fetch_lists
}

# A field of a package's record.
field() {
  apt-cache "${apt_options[@]}" show --no-all-versions "$1" 2>/dev/null | sed -n "s/^$2: //p"
}

# Leaves a package's file in the cache and says its name.
package() {
  local name=$1 version architecture file
  version=$(field "$name" Version)
  [ -n "$version" ] || fail "the package sources have no '$name': see whether --update finds it, and whether they are Debian's" 4
  architecture=$(field "$name" Architecture)
  file=$cache/${name}_${version//:/%3a}_$architecture.deb
  if [ ! -s "$file" ]; then
    echo "$(basename "$0"): downloading $name $version" >&2
    rm -rf "$cache/download"
    mkdir "$cache/download"
    (cd "$cache/download" && apt-get "${apt_options[@]}" download "$name=$version" >&2) \
      || fail "cannot download '$name': try --update, and see whether the network reaches its source" 4
    mv "$cache"/download/*.deb "$file"
    rmdir "$cache/download"
  fi
  echo "$file"
}

# Leaves packages and all that they depend on in the cache and says their files, one a line.
packages_with_dependencies() {
  apt-get "${apt_options[@]}" --yes --download-only --no-install-recommends install "$@" >&2 \
    || fail "cannot download '$*': see whether the network reaches what /etc/apt/sources.list names" 4
  apt-get "${apt_options[@]}" --simulate --no-install-recommends install "$@" \
    | sed -n 's/^Inst \([^ :]*\) (\([^ ]*\) .*\[\([a-z0-9]*\)\]).*/\1 \2 \3/p' \
    | while read -r name version architecture; do echo "$apt_state/archives/${name}_${version//:/%3a}_$architecture.deb"; done
}
