#!/usr/bin/env bash
# Runs the public suite kvm-unit-tests, unmodified, against artifacts/nacelle through its QEMU command line, prints a table,
# and fails when a test that passed before (tests/kvm-unit-tests/expected) does not.
#
#   run.sh CHECKOUT [--tcg] [TEST…]
#
# CHECKOUT is a source tree of github.com/kvm-unit-tests/kvm-unit-tests; it is built there where that has not been done.
# --tcg runs each test under QEMU's TCG too, for comparison. Logs stay in CHECKOUT/logs-nacelle and CHECKOUT/logs-tcg.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
fail() { echo "run.sh: $*" >&2; exit 2; }

checkout=${1:-}
[ -n "$checkout" ] && [ -f "$checkout/x86/unittests.cfg" ] \
  || fail "name a checkout of kvm-unit-tests: run.sh CHECKOUT [--tcg] [TEST…]"
checkout=$(cd "$checkout" && pwd)
shift
tcg=no
[ "${1:-}" != --tcg ] || { tcg=yes; shift; }
[ -x "$root/artifacts/nacelle" ] || fail "artifacts/nacelle is missing: run ./build.sh first"
[ "$tcg" = no ] || command -v qemu-system-x86_64 >/dev/null || fail "--tcg needs qemu-system-x86_64 (Debian package qemu-system-x86)"

if [ ! -f "$checkout/x86/access_test.flat" ]; then
  (cd "$checkout" && ./configure --arch=x86_64 && make -j "$(nproc)") >"$checkout/build.log" 2>&1 \
    || fail "the suite does not build: see $checkout/build.log"
fi

links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
ln -s "$root/artifacts/nacelle" "$links/qemu-system-x86_64"

# The suite's runner, one test at a time; its lines without colours: PASS, FAIL or SKIP, the test, a remark in parentheses.
run() {
  local logs=$1 qemu=$2
  shift 2
  (cd "$checkout" && QEMU=$qemu ACCEL=tcg MAX_SMP=4 unittest_log_dir=$logs ./run_tests.sh "$@" </dev/null) \
    | sed -e 's/\x1b\[[0-9;]*m//g' -n -e '/^\(PASS\|FAIL\|SKIP\) /p' || true
}

run logs-nacelle "$links/qemu-system-x86_64" "$@" >"$links/nacelle"
: >"$links/tcg"
[ "$tcg" = no ] || run logs-tcg qemu-system-x86_64 "$@" >"$links/tcg"

worse=0
printf '%-44s %-8s %-8s %s\n' test Nacelle TCG remark
while read -r result test remark; do
  other=$(awk -v test="$test" '$2 == test { print $1 }' "$links/tcg")
  expected=$(awk -v test="$test" '$1 == test { print $2 }' "$here/expected")
  if [ "$expected" = PASS ] && [ "$result" != PASS ]; then
    remark="$remark: passed before"
    worse=1
  fi
  printf "%-44s %-8s %-8s %.110s\n" "$test" "$result" "${other:--}" "$remark"
done <"$links/nacelle"

count() { grep -c "^$2 " "$links/$1" || true; }
echo
echo "Nacelle: $(count nacelle PASS) pass, $(count nacelle FAIL) fail, $(count nacelle SKIP) skipped"
[ "$tcg" = no ] || echo "TCG: $(count tcg PASS) pass, $(count tcg FAIL) fail, $(count tcg SKIP) skipped"
[ -s "$links/nacelle" ] || fail "the suite printed no results: see $checkout/logs-nacelle"
exit "$worse"
