#!/bin/sh
# /init of the lab's guests (busybox): drivers, address, then the load that the kernel command line asks for.
b=/bin/busybox
$b mkdir -p /proc /sys /dev /tmp
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in $($b cat /modules/order); do $b insmod "/modules/$module.ko"; done
for word in $($b cat /proc/cmdline); do
  case $word in
  load=*) load=${word#load=} ;;
  address=*) address=${word#address=} ;;
  esac
done
$b ip link set lo up
if [ "$address" != none ]; then
  tries=0
  while [ ! -d /sys/class/net/eth0 ] && [ $tries -lt 50 ]; do $b sleep 0.1; tries=$((tries + 1)); done
  $b ip link set eth0 up
  $b ip addr add "$address/24" dev eth0
fi

now() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}"; } # hundredths of a second

# Busy for $1 percent of every three seconds, measured by the clock and not by loops: QEMU's speed varies.
cpu() {
  while :; do
    end=$(($(now) + 3 * $1))
    while read -r up _ </proc/uptime && [ "${up%.*}${up#*.}" -lt "$end" ]; do :; done
    [ "$1" -ge 100 ] || $b usleep $((30000 * (100 - $1)))
  done
}

disk() {
  while :; do
    for device in /dev/vda /dev/vdb; do
      $b dd if=/dev/zero of=$device bs=4k count=64 oflag=direct
      $b dd if=$device of=/dev/null bs=4k count=64 iflag=direct
      $b dd if=/dev/zero of=$device bs=4k count=16 conv=fsync
    done 2>/dev/null
    $b sleep 8 # each dd costs QEMU without KVM some 30 ms of CPU, and the tests want it
  done
}

net() { # ping the bridge of the node, and everybody
  while :; do
    $b ping -c 3 -s 1200 "${address%.*}.1"
    $b ping -c 1 "${address%.*}.255"
    $b sleep 4
  done >/dev/null 2>&1
}

memory() {
  $b mount -t tmpfs -o size=40% tmp /tmp
  while :; do
    $b dd if=/dev/zero of=/tmp/pages bs=1M count=$(($(now) % 16 + 8)) 2>/dev/null
    $b sleep 5
  done
}

echo "GUEST-UP load=$load cpus=$($b nproc) after $($b cut -d' ' -f1 /proc/uptime) s"
$b sed 's/,/\n/g' <<LOADS | while read -r kind; do
$load
LOADS
  case $kind in
  cpu*) for _ in $($b seq "$($b nproc)"); do cpu "${kind#cpu}" & done ;;
  disk) disk & ;;
  net) net & ;;
  memory) memory & ;;
  esac
done
while :; do $b sleep 60; done
