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

# Each line of a serial port on standard input after the microseconds of the host's clock at which it came; nothing may stand
# between the two that collects lines, as most filters do before a pipe.
stamped() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do printf '%s %s\n' "${EPOCHREALTIME/[.,]/}" "${line%$'\r'}"; done
}

# How far, in per cent of the time between them, the first and the last "clock SECONDS" of a guest in the stamped lines on
# standard input are from the host's clock; nothing where there are no two. 50 ms are left out of account: lines take their time
# through a serial port.
clock_error() {
  awk '$2 == "clock" { if (!n++) { host = $1; guest = $3 } host_last = $1; guest_last = $3 }
    END { if (n > 1) { e = (guest_last - guest) * 1e6 - (host_last - host); e = (e < 0 ? -e : e) - 5e4; printf "%.2f\n", e < 0 ? 0 : e * 100 / (host_last - host) } }'
}

# What to say of times where in a file of "CONTENDER ERROR" lines some error of clock_error is above 1 % or missing; nothing
# where all clocks were right.
wrong_clocks() {
  awk 'NF < 2 || $2 > 1 { if (!seen[$1]++) printf "  %s'"'"'s clock is not the host'"'"'s", $1 }' "$1"
}

# The largest error of a contender in such a file.
worst_clock() {
  awk -v c="$2" '$1 == c { if (NF < 2) missing = 1; if ($2 > worst) worst = $2 } END { print missing ? "unknown" : worst + 0 }' "$1"
}
