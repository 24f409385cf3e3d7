#!/usr/bin/env bash
# Builds Nacelle and boots Debian's cloud kernel: to a shell in a terminal, otherwise to print what the guest says of itself.
# Arguments go to 'nacelle run', such as --cpus 2 --memory 1G --accel translator.
set -euo pipefail
cd "$(dirname "$0")"

# Nothing to build when no source is newer than the executable.
if [ ! -x artifacts/nacelle ] \
  || [ -n "$(find src Directory.*.props global.json build.sh \( -name bin -o -name obj \) -prune -o -type f -newer artifacts/nacelle -print -quit)" ]; then
  echo "demo.sh: building" >&2
  ./build.sh >&2
fi
./guests.sh

run=(
  artifacts/nacelle run
  --name demo
  --kernel artifacts/guests/vmlinuz-cloud
  --initrd artifacts/guests/initramfs.cpio.gz
  --boot-marker "nacelle-guest: ready"
)
if [ -t 0 ] && [ -t 1 ]; then
  read -r rows columns < <(stty size)
  exec "${run[@]}" --append "console=ttyS0 quiet nacelle.size=${columns}x$rows" "$@"
fi
exec "${run[@]}" --append 'console=ttyS0 quiet nacelle.run="uname -a && uptime"' "$@" < /dev/null
