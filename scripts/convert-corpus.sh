#!/usr/bin/env bash
# convert-corpus.sh FOLDER: how many machines described in a folder of domain XML 'nacelle convert --to qemu' turns into arguments, and
# what is in the way of the rest. With --start each is started by QEMU, halted and without its devices' back ends, to see it taken.
# Of libvirt's own tests (tests/qemuxml2argvdata of its source) those with arguments for x86 are counted: the ones that libvirt converts.
set -euo pipefail
program=${NACELLE:-nacelle}
start=
[ "${1:-}" != --start ] || { start=1; shift; }
folder=${1:?usage: convert-corpus.sh [--start] FOLDER}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
total=0 converted=0 started=0
for file in "$folder"/*.xml; do
  grep -qE "<(type|os)[ >].*arch=['\"](x86_64|i686)" "$file" || continue
  base=${file%.xml}
  # Where the folder has libvirt's answers, a machine without one is not converted by libvirt either.
  if compgen -G "$folder/*.args" > /dev/null; then
    [ -e "$base.args" ] || compgen -G "$base.x86_64-*.args" > /dev/null || continue
  fi
  total=$((total + 1))
  if "$program" convert "$file" --to qemu > "$work/machine.args" 2> "$work/error"; then
    converted=$((converted + 1))
    if [ -n "$start" ]; then
      mapfile -t arguments < "$work/machine.args"
      if printf 'quit\n' | timeout 20 qemu-system-x86_64 -S -display none -monitor stdio "${arguments[@]}" > /dev/null 2> "$work/error"; then
        started=$((started + 1))
      else
        echo "$(basename "$file"): QEMU: $(head -1 "$work/error")"
      fi
    fi
  else
    echo "$(basename "$file"): $(head -1 "$work/error")"
  fi
done
[ "$total" -gt 0 ] || { echo "convert-corpus: no domain XML for x86 in '$folder'" >&2; exit 2; }
echo "$converted of $total converted ($((100 * converted / total)) %)${start:+, QEMU started $started}"
