#!/usr/bin/env bash
# Writes the start-up probe: a PVH ELF32 whose first instructions write '!' to the first serial port, then end the machine
# through the debug-exit port; with "wait" it halts for ever instead. Usage: probe.sh FILE [wait]
set -euo pipefail

word() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
half() { printf '\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)); }

entry=0x100000
note_offset=0x80
code_offset=0x100
# mov dx, 0x3f8; mov al, '!'; out dx, al; then mov al, 0x11; out 0xf4, al, or four times nop; hlt; jmp to the hlt
end='\xb0\x11\xe6\xf4'
[ "${2:-}" != wait ] || end='\x90\x90\x90\x90'
code="\x66\xba\xf8\x03\xb0\x21\xee$end\xf4\xeb\xfd"

header="\\x7fELF\\x01\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
header+="$(half 2)$(half 3)$(word 1)$(word $entry)$(word 52)$(word 0)$(word 0)"
header+="$(half 52)$(half 32)$(half 2)$(half 40)$(half 0)$(half 0)"

# PT_LOAD of the code, PT_NOTE with the entry point (Xen, type 18).
load="$(word 1)$(word $code_offset)$(word $entry)$(word $entry)$(word 14)$(word 14)$(word 5)$(word 16)"
note="$(word 4)$(word $note_offset)$(word 0)$(word 0)$(word 20)$(word 20)$(word 4)$(word 4)"
{
  printf '%b' "$header$load$note"
  head -c $((note_offset - 116)) /dev/zero
  printf '%b' "$(word 4)$(word 4)$(word 18)Xen\\x00$(word $entry)"
  head -c $((code_offset - note_offset - 20)) /dev/zero
  printf '%b' "$code"
} > "$1"
