# Shared by the benchmarks: statistics and waiting. Sourced, not run.

fail() { echo "$(basename "$0"): $1" >&2; exit "${2:-1}"; }

# Whole number option: need_number NAME VALUE SMALLEST
need_number() {
  [[ "$2" =~ ^[0-9]+$ ]] && [ "$2" -ge "$3" ] || fail "$1 takes a number of at least $3, not '$2'" 2
}

# Microseconds of the wall clock.
now() { local time=$EPOCHREALTIME; echo "${time/[.,]/}"; }

# The middle of the numbers given, one a line on standard input; of an even count, the mean of the middle two.
median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%d\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Microseconds as milliseconds with one decimal.
milliseconds() { awk -v us="$1" 'BEGIN { printf "%.1f", us / 1000 }'; }

# A ratio of two numbers with two decimals.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# A JSON list of the numbers on standard input.
json_list() { awk 'BEGIN { printf "[" } { printf "%s%s", NR > 1 ? ", " : "", $1 } END { printf "]" }'; }
