# Sourced by the scripts beside the README: installs what they lack, or names it in one line and ends with code 3.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# need_sdk: the .NET SDK, which Debian 12 has no package of.
need_sdk() {
  command -v dotnet >/dev/null \
    || { echo "$0: the .NET 10 SDK is missing: see https://dot.net/download, and put 'dotnet' on PATH" >&2; exit 3; }
  dotnet --list-sdks | grep -q '^10\.' \
    || { echo "$0: a .NET 10 SDK is needed; found: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')" >&2; exit 3; }
}

# need PACKAGE TEST...: a Debian package, needed when the command TEST fails. Several are installed by need_packages at once.
missing_packages=()
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing_packages+=("$package")
}

need_packages() {
  [ ${#missing_packages[@]} -ne 0 ] || return 0
  local command="apt-get install -y --no-install-recommends ${missing_packages[*]}"
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$0: packages are missing: $command" >&2
    exit 3
  fi
  echo "$0: $command" >&2
  { apt-get update -q -q && DEBIAN_FRONTEND=noninteractive $command -q -q; } >&2 \
    || { echo "$0: the packages could not be installed: $command" >&2; exit 3; }
  missing_packages=()
}
