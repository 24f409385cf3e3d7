#!/usr/bin/env bash
# Runs a command with a directory as its root, with /proc, /dev and an empty /tmp in memory, in namespaces of its own: root is
# not needed.
#   native.sh ROOT COMMAND...
set -euo pipefail
exec unshare --user --map-root-user --mount bash -euc '
  root=$1
  shift
  mount --rbind /proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  exec chroot "$root" "$@"' native.sh "$@"
