#!/usr/bin/env bash
# Becomes a compute node: node.sh NAME FOLDER, inside fresh mount, UTS and network namespaces (see libvirtd.py).
# Everything libvirtd keeps on disk goes to FOLDER; the bridge and the guests' taps live in this network namespace.
set -eu
name=$1 folder=$2
mount --make-rprivate /
for place in run lib log cache etc; do
  case $place in
  run) target=/run/libvirt ;;
  etc) target=/etc/libvirt ;;
  *) target=/var/$place/libvirt ;;
  esac
  mkdir -p "$target" # a mount needs something to be mounted on
  mount --bind "$folder/$place" "$target"
done
# QEMU's driver wants this user to exist although guests run as root here.
cp /etc/passwd "$folder/passwd"
cp /etc/group "$folder/group"
grep -q ^libvirt-qemu: "$folder/passwd" || echo libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin >>"$folder/passwd"
grep -q ^libvirt-qemu: "$folder/group" || echo libvirt-qemu:x:64055: >>"$folder/group"
mount --bind "$folder/passwd" /etc/passwd
mount --bind "$folder/group" /etc/group
hostname "$name"
ip link set lo up
ip link add vbr0 type bridge
ip addr add 10.77.0.1/24 dev vbr0
ip link set vbr0 up
exec /usr/sbin/libvirtd -f "$folder/libvirtd.conf" -p /run/libvirt/libvirtd.pid
