#!/usr/bin/env bash
# Leaves the native executable at artifacts/nacelle.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/prerequisites.sh

need_sdk
linker=$(command -v clang >/dev/null && echo clang || echo gcc)
need gcc command -v "$linker"
need libc6-dev test -e /usr/include/x86_64-linux-gnu/stdlib.h -o -e /usr/include/stdlib.h
need_packages

mkdir -p artifacts
dotnet restore src/Nacelle.Cli --locked-mode -v q
dotnet publish src/Nacelle.Cli -c Release -v q -p:CppCompilerAndLinker="$linker" -o artifacts/publish
install -m 755 artifacts/publish/Nacelle.Cli artifacts/nacelle.new
mv -f artifacts/nacelle.new artifacts/nacelle
echo "artifacts/nacelle: $(du -h artifacts/nacelle | cut -f1)"
