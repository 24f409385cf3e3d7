#!/bin/sh
# What the lab does: loads kvm_amd, boots guests with Nacelle, says what came of it. Lines that begin with "lab:" are looked
# at. Runs as the command of the test guests' init in a VM of QEMU with emulated SVM.
cd /lab
say() { echo "lab: $*"; }
uptime_ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }

mount -t tmpfs tmpfs /tmp
for module in irqbypass kvm kvm-amd tun; do
  insmod "modules/$module.ko" || say "module $module failed"
done
mkdir -p /dev/net
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
[ -c /dev/kvm ] || { say "no /dev/kvm"; exit 1; }
say "kvm $(sed -n 's/^\(kvm_amd\) .*/\1/p' /proc/modules)"

say "info begins"
./nacelle info || say "info failed $?"
say "info ends"

# Without permission on /dev/kvm the translator is chosen, and the reason says so.
chmod 600 /dev/kvm
su -s /bin/sh nobody -c "./nacelle run --accel auto --kernel probe.elf --memory 64M" > /tmp/out 2>&1
say "nobody exit $?"
sed 's/^/lab: nobody /' /tmp/out
su -s /bin/sh nobody -c "./nacelle run --accel kvm --kernel probe.elf --memory 64M" > /tmp/out 2>&1
say "nobody-kvm exit $?"
sed 's/^/lab: nobody-kvm /' /tmp/out

# The probe of bench/startup.sh: 2V+1 for value 17.
begin=$(uptime_ms)
./nacelle run --accel kvm --kernel probe.elf --memory 512M > /tmp/out 2>&1
code=$?
say "probe exit $code after $(($(uptime_ms) - begin)) ms"

# A network without the world, and a disk whose contents are known.
tunctl -t tap0 > /dev/null || ip tuntap add dev tap0 mode tap
ip addr add 192.168.77.1/24 dev tap0
ip link set tap0 up
dd if=/dev/urandom of=/tmp/disk bs=1M count=32 2>/dev/null
dd if=/dev/urandom of=/tmp/message bs=1M count=2 2>/dev/null
say "disk $(dd if=/tmp/disk bs=1M count=8 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
say "message $(sha256sum < /tmp/message | cut -d ' ' -f 1)"

# The guest fetches the message; the lab pings the guest while it waits for that.
httpd -p 192.168.77.1:80 -h /tmp
(
  until grep -q '^lab-guest: waits' /tmp/serial 2>/dev/null; do sleep 1; done
  ping -c 3 -W 5 192.168.77.2 | sed -n 's/^\(.* packets received.*\)$/lab: ping \1/p'
  : > /tmp/pinged
) &

begin=$(uptime_ms)
{
  ./nacelle run --accel auto --cpus 2 --memory 384M --kernel vmlinuz --initrd initramfs.cpio.gz \
    --append 'console=ttyS0 nacelle.run="sh /lab/guest.sh"' --disk /tmp/disk --net tap:tap0 2>&1
  say "guest exit $?"
} | tr -d '\r' | tee /tmp/serial
say "guest took $(($(uptime_ms) - begin)) ms"
say "readback $(dd if=/tmp/disk bs=1M skip=8 count=8 2>/dev/null | sha256sum | cut -d ' ' -f 1)"

# How a guest's end shows in the exit code.
./nacelle run --accel kvm --cpus 2 --kernel vmlinuz --initrd initramfs.cpio.gz --no-reboot \
  --append 'console=ttyS0 quiet nacelle.run=true nacelle.then=reboot' > /tmp/out 2>&1
say "no-reboot exit $?"

# Test projects on this KVM, but for times. QEMU's processor does not intercept XSETBV, which one test looks for.
export DOTNET_ROOT=/lab/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 HOME=/tmp TMPDIR=/tmp
in_lab() {
  project=$1
  shift
  begin=$(uptime_ms)
  "tests/$project/$project" -noLogo -noColor "$@" > /tmp/out 2>&1
  code=$?
  sed "s/^/$project: /" /tmp/out
  say "tests $project exit $code after $(($(uptime_ms) - begin)) ms"
}
in_lab Nacelle.Kvm.Tests -trait- Timing=Host -method- '*TheSizeOfTheExtendedStateFollowsXcr0'
NACELLE_GUEST_KERNEL=/lab/vmlinuz NACELLE_GUEST_INITRD=/lab/initramfs.cpio.gz in_lab Nacelle.Machine.Tests -trait Lab=Kvm

# The lab's own kernel complains of QEMU's processor; what it says of KVM is ours.
dmesg -r | sed -n 's/^<[01234]>/lab: log /p' | grep -i kvm
say "ends"
