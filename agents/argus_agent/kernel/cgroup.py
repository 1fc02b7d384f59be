"""Control groups of a guest's QEMU, version 1, 2 or both mounted: where they are, and their files.

https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

UNIFIED = ""
"""The name of the version 2 hierarchy, as the empty controller list in /proc/PID/cgroup."""


@dataclass(frozen=True, slots=True)
class IoStat:
    """What one cgroup did to one block device (``major:minor``)."""

    read_bytes: int
    write_bytes: int
    read_ops: int
    write_ops: int


def parse_membership(text: str) -> dict[str, str]:
    """Return the path in each hierarchy by controller, from ``/proc/PID/cgroup``; ``""`` is version 2."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller.removeprefix("name=")] = path
    return paths


def guest_scope(path: str) -> str:
    """Return the cgroup of the whole guest for the cgroup of one of its threads.

    libvirt puts threads into ``<guest>/libvirt/emulator``, ``<guest>/vcpu0`` or the like; the guest's own
    ends in ``.scope`` under systemd (machine-qemu-*) and in ``.libvirt-qemu`` without.
    """
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part.endswith((".scope", ".libvirt-qemu")):
            return "/".join(parts[: index + 1])
    return path


def directory(root: Path, controller: str, membership: Mapping[str, str]) -> str | None:
    """Return the directory that holds the guest's files of a controller, or ``None`` where none does.

    ``root`` is the cgroup mount (/sys/fs/cgroup).  Version 1 wins where both exist, since a controller
    can be mounted in only one of them.
    """
    path = membership.get(controller)
    if controller != UNIFIED and path is not None:
        for mount in _mounts_of(root, controller):
            found = f"{mount}{guest_scope(path)}"
            if os.path.isdir(found):
                return found
    path = membership.get(UNIFIED)
    for mount in (f"{root}/unified", str(root)):
        if path is not None and os.path.isfile(f"{mount}/cgroup.controllers"):
            found = f"{mount}{guest_scope(path)}"
            return found if os.path.isdir(found) else None
    return None


def _mounts_of(root: Path, controller: str) -> Iterator[str]:
    yield f"{root}/{controller}"
    yield from map(str, root.glob(f"*{controller}*"))  # joint: cpu,cpuacct


def parse_io_stat(text: str) -> dict[str, IoStat]:
    """Parse version 2 ``io.stat``: ``8:0 rbytes=.. rios=.. ...``; a device without I/O is bare."""
    devices = {}
    for line in text.splitlines():
        device, *fields = line.split()
        values = {name: int(value) for name, _, value in (field.partition("=") for field in fields)}
        if values:
            devices[device] = IoStat(values["rbytes"], values["wbytes"], values["rios"], values["wios"])
    return devices


def parse_throttle(text: str) -> dict[str, dict[str, int]]:
    """Parse version 1 ``blkio.throttle.io_*``: ``8:0 Read 123`` -> ``{"8:0": {"Read": 123, ...}}``."""
    devices: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3:  # the last line is `Total 123`, over all devices
            devices.setdefault(words[0], {})[words[1]] = int(words[2])
    return devices
