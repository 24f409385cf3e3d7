#!/usr/bin/env bash
# Times the sequences that translated code is made of on this processor.
#   bench/sequences/run.sh
# Needs gcc and a processor with BMI2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
[ $# -eq 0 ] || fail "unknown option '$1': see the head of this file" 2
command -v gcc >/dev/null || fail "'gcc' is missing" 3
grep -q -w bmi2 /proc/cpuinfo || fail "this processor has no BMI2, which the sequences use" 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O2 -no-pie -mbmi2 -o "$work/sequences" "$here/sequences.c"
"$work/sequences"
