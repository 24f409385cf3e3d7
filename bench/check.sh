#!/usr/bin/env bash
# Checks of the corpus a minute on one core: all files, many times, in one process.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=60
runs=3
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    *) echo "check.sh: unknown option '$1': give --rounds N or --runs N" >&2; exit 2 ;;
  esac
done

[ -x artifacts/nacelle ] || { echo "check.sh: artifacts/nacelle is missing: run ./build.sh" >&2; exit 1; }
files=(tests/Nacelle.Configuration.Tests/Corpus/*.xml)
list=()
for _ in $(seq "$rounds"); do list+=("${files[@]}"); done
rates=()
for _ in $(seq "$runs"); do
  start=$(date +%s%N)
  taskset -c 0 artifacts/nacelle check --profile rhel7 --quiet "${list[@]}" > /dev/null || [ $? -lt 128 ]
  end=$(date +%s%N)
  rates+=($(( ${#list[@]} * 60000000000 / (end - start) )))
done
mapfile -t sorted < <(printf '%s\n' "${rates[@]}" | sort -n)
echo "checks: ${#list[@]} a run, $runs runs; a minute on one core: ${rates[*]}; median ${sorted[$((runs / 2))]}"
