#!/usr/bin/env bash
# Puts the KVM lab together: an initramfs for QEMU's emulated SVM in which Debian's cloud kernel loads kvm_amd and Nacelle
# boots guests on a real /dev/kvm. Leaves artifacts/lab/initramfs.cpio.gz; its kernel is artifacts/guests/vmlinuz-cloud.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(pwd)
here=tests/lab
output=artifacts/lab
guests=artifacts/guests

fail() { echo "tests/lab/build.sh: $1" >&2; exit "${2:-1}"; }

[ -x artifacts/nacelle ] || fail "there is no artifacts/nacelle: run ./build.sh" 3
./guests.sh
command -v dpkg >/dev/null || fail "'dpkg' is missing: run this on Debian or a system derived from it" 3

# The kernel's own word for its version, which its header points at (Linux boot protocol, kernel_version).
kernel=$guests/vmlinuz-cloud
offset=$(od -An -tu2 -j 526 -N 2 "$kernel")
version=$(dd if="$kernel" bs=1 skip=$((offset + 512)) count=128 status=none | tr '\0' ' ' | cut -d ' ' -f 1)
package=$(ls artifacts/cache/guests/linux-image-"$version"_*.deb 2>/dev/null | tail -n 1 || true)
[ -n "$package" ] || fail "the package of kernel $version is not in artifacts/cache/guests: run ./guests.sh --update" 3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg -x "$package" "$work/package"
dpkg -x "$(ls artifacts/cache/guests/busybox-static_*.deb | tail -n 1)" "$work/busybox"
pack() { (cd "$1" && find . | LC_ALL=C sort | "$work/busybox/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null) | gzip -n -1; }

# What the guest in the lab runs, on top of the test guests' user space. Archives may follow each other (kernel
# documentation, "initramfs buffer format").
mkdir -p "$work/guest/lab"
install -m 755 "$here/guest.sh" "$work/guest/lab/"
pack "$work/guest" > "$work/guest.gz"

lab=$work/host/lab
mkdir -p "$lab/modules" "$work/host/etc" "$output"
install -m 755 "$here/host.sh" "$lab/"
install -m 755 artifacts/nacelle "$lab/"
install -m 644 "$kernel" "$lab/vmlinuz"
cat "$guests/initramfs.cpio.gz" "$work/guest.gz" > "$lab/initramfs.cpio.gz"
bench/probe.sh "$lab/probe.elf"
for module in irqbypass kvm kvm-amd tun; do
  file=$(find "$work/package/lib/modules/$version/kernel" -name "$module.ko" -print -quit)
  [ -n "$file" ] || fail "the package of kernel $version has no module '$module'"
  install -m 644 "$file" "$lab/modules/"
done

# Test projects that run inside the lab, with the .NET that they need.
runtime=$(dotnet --list-runtimes | sed -n 's/^Microsoft\.NETCore\.App \(10\.[^ ]*\) .*/\1/p' | tail -n 1)
shared=$(dotnet --list-runtimes | sed -n 's/^Microsoft\.NETCore\.App 10\.[^ ]* \[\(.*\)\]$/\1/p' | tail -n 1)
install -d "$lab/dotnet/shared/Microsoft.NETCore.App" "$lab/dotnet/host/fxr"
cp -r "$shared/$runtime" "$lab/dotnet/shared/Microsoft.NETCore.App/"
cp -r "$shared/../../host/fxr/$runtime" "$lab/dotnet/host/fxr/"
for project in Nacelle.Kvm.Tests Nacelle.Machine.Tests; do
  dotnet build "tests/$project" -nologo -v q -clp:NoSummary >&2 || fail "tests/$project does not build"
  install -d "$lab/tests"
  cp -r "tests/$project/bin/Debug/net10.0/linux-x64" "$lab/tests/$project"
done

# The libraries that all these name, at the paths where the loader looks; the test framework also takes digests, for which
# .NET loads OpenSSL by name.
{
  /sbin/ldconfig -p | sed -n 's/^\tlib\(ssl\|crypto\)\.so\.3 .*x86-64.* => \(.*\)$/\2/p'
  find "$lab" -type f \( -perm -100 -o -name '*.so' \) ! -name '*.dll' ! -name '*.sh' | while IFS= read -r file; do
    ldd "$file" 2>/dev/null | sed -n 's/^.* => \(\/[^ ]*\) .*$/\1/p; s/^\t\(\/[^ ]*\) .*$/\1/p'
  done
} | sort -u | while IFS= read -r library; do
  case "$library" in "$work"/*) continue ;; esac
  install -D -m 755 "$(readlink -f "$library")" "$work/host$library"
done

printf '%s\n' 'root:x:0:0:root:/:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/sh' > "$work/host/etc/passwd"
pack "$work/host" > "$work/host.gz"
cat "$guests/initramfs.cpio.gz" "$work/host.gz" > "$work/initramfs.cpio.gz"
mv -f "$work/initramfs.cpio.gz" "$output/initramfs.cpio.gz"
echo "tests/lab/build.sh: $output/initramfs.cpio.gz, $(stat -c %s "$output/initramfs.cpio.gz") bytes" >&2
