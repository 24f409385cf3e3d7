#!/usr/bin/env bash
# Runs a command with a directory as its root, with /proc, /dev and an empty /tmp in memory, in a mount namespace of its own. Who is not
# root has a user namespace too, in which there is only root.
#   native.sh ROOT COMMAND...
set -euo pipefail
users=()
[ "$(id -u)" = 0 ] || users=(--user --map-root-user)
exec unshare "${users[@]}" --mount bash -euc '
  root=$1
  shift
  mount --rbind /proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  exec chroot "$root" "$@"' native.sh "$@"
