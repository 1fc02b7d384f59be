#!/bin/sh
# Boots a Debian by systemd in namespaces of its own: unit_node.sh GROUP ROOT FILES (see unit_node.py).
# Nothing is written to ROOT; FILES is /srv/argus in there. Its control groups are all below GROUP, in every hierarchy.
set -eu
group=$1 root=$2 files=$3
set --
if [ ! -d /run/systemd/system ]; then # else systemd gives it a scope
  while read -r _ place kind _; do
    case $kind in cgroup | cgroup2) ;; *) continue ;; esac
    case $place in /sys/fs/cgroup*) ;; *) continue ;; esac
    mkdir -p "$place/$group"
    for file in cpuset.mems cpuset.cpus; do # of v1: empty in a new group, which then takes no process
      [ ! -e "$place/$group/$file" ] || cat "$place/$file" >"$place/$group/$file"
    done
    echo $$ >"$place/$group/cgroup.procs"
  done </proc/self/mounts
  set -- --keep-unit
fi
# All capabilities: libvirtd and the unit's own are among them. Private network: its ports are nobody else's.
exec systemd-nspawn --boot --quiet "$@" --register=no --machine="$group" --directory="$root" --volatile=overlay \
  --private-network --capability=all --link-journal=no --console=read-only --bind-ro="$files:/srv/argus"
