#!/usr/bin/env bash
# Leaves the native executable at artifacts/nacelle.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
command -v dotnet >/dev/null || { echo "build.sh: the .NET 10 SDK is missing: install it so that 'dotnet' is on PATH" >&2; exit 3; }
command -v clang >/dev/null || command -v gcc >/dev/null || { echo "build.sh: a C linker driver is missing: apt-get install gcc" >&2; exit 3; }
linker=$(command -v clang >/dev/null && echo clang || echo gcc)
dotnet publish src/Nacelle.Cli -c Release -v q -p:CppCompilerAndLinker="$linker" -o artifacts/publish
install -m 755 artifacts/publish/Nacelle.Cli artifacts/nacelle
echo "artifacts/nacelle: $(du -h artifacts/nacelle | cut -f1)"
