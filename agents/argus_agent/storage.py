"""Which of the node's file systems and disks are measured."""

from __future__ import annotations

from dataclasses import dataclass

INSTANCES = "/var/lib/nova/instances"
MOUNTS = ("*",)
IGNORED_MOUNTS = (
    "/var/lib/nova/mnt/*",
    "/var/lib/docker/*",
    "/var/lib/containers/*",
    "/var/lib/kubelet/*",
    "/run/*",
    "/snap/*",
    "/media/*",
    "/boot/efi",
)
IGNORED_DISKS = ("*-volume--*", "*-_snapshot--*", "*--*--*--*_disk*", "*_tmeta", "*_tdata", "docker-*")


@dataclass(frozen=True, slots=True)
class Storage:
    """``instances`` is Nova's instances_path; the others are patterns, in which * stands for any text."""

    instances: str = INSTANCES
    mounts: tuple[str, ...] = MOUNTS
    ignored_mounts: tuple[str, ...] = IGNORED_MOUNTS
    ignored_disks: tuple[str, ...] = IGNORED_DISKS


EVERYTHING = Storage()
"""Where nothing was chosen."""
