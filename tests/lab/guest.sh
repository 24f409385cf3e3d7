#!/bin/sh
# What the guest in the lab does: says what it is, reads and writes its disk, talks to the lab, reboots once, powers off.
# Lines that begin with "lab-guest:" are looked at.
say() { echo "lab-guest: $*"; }

say "online $(cat /sys/devices/system/cpu/online)"
say "clocksource $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
say "accelerator $(cat /sys/class/dmi/id/sys_vendor 2>/dev/null) $(cat /sys/class/dmi/id/product_name 2>/dev/null)"

[ -b /dev/vda ] || { say "no disk"; exit 1; }

# The first boot leaves a mark in the disk's last block, so that the second knows.
blocks=$(cat /sys/block/vda/size)
if ! dd if=/dev/vda bs=512 skip=$((blocks - 1)) count=1 2>/dev/null | grep -q SECOND; then
  say "boot first"
  echo SECOND | dd of=/dev/vda bs=512 seek=$((blocks - 1)) conv=sync 2>/dev/null
  sync
  say "reboots"
  reboot -f
fi

say "boot second"
say "read $(dd if=/dev/vda bs=1M count=8 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
dd if=/dev/urandom of=/tmp/random bs=1M count=8 2>/dev/null
say "written $(sha256sum < /tmp/random | cut -d ' ' -f 1)"
dd if=/tmp/random of=/dev/vda bs=1M seek=8 2>/dev/null
sync
echo 3 > /proc/sys/vm/drop_caches
say "readback $(dd if=/dev/vda bs=1M skip=8 count=8 2>/dev/null | sha256sum | cut -d ' ' -f 1)"

if [ -d /sys/class/net/eth0 ]; then
  ip addr add 192.168.77.2/24 dev eth0
  ip link set eth0 up
  timeout 60 ping -c 5 -W 5 192.168.77.1 | sed -n 's/^\(.* packets received.*\)$/lab-guest: ping \1/p'
  wget -q -O /tmp/received http://192.168.77.1/message
  say "received $(sha256sum < /tmp/received | cut -d ' ' -f 1)"
  say "waits"
  tries=0
  until wget -q -O /dev/null http://192.168.77.1/pinged || [ $tries -ge 60 ]; do
    tries=$((tries + 1))
    sleep 1
  done
else
  say "no network"
fi

for vector in $(awk '/virtio/ { total = 0; for (i = 2; i <= 3; i++) total += $i; print $NF "=" total }' /proc/interrupts); do
  say "interrupts $vector"
done
say "stolen $(awk '/^cpu / { print $9 }' /proc/stat)"

# Emergencies to warnings of the kernel's log.
dmesg -r | sed -n 's/^<[01234]>/lab-guest: log /p'
say "done"
