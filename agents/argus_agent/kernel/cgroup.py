"""Control groups of a guest's QEMU, version 1, 2 or both mounted: where they are, and their files.

https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/; names as in libvirt's vircgroup.c and
virsystemd.c.  A group is a guest's own or it is nobody's: what several processes share says nothing of one.
"""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import is_absence
from argus_agent.kernel.numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

UNIFIED = ""
"""The name of the version 2 hierarchy, as the empty controller list in /proc/PID/cgroup."""

RESOURCES = ("cpu", "memory", "blkio")
"""Controllers of version 1 whose files Argus reads; version 2 has them all in its one hierarchy."""

# machine-qemu\x2d7\x2dinstance.scope of systemd-machined; qemu-7-instance.libvirt-qemu where libvirt makes
# the groups itself, which before version 1.3 was instance.libvirt-qemu.
_OWN = re.compile(r"machine-qemu(?:\\x2d|-).+\.scope|.+\.libvirt-qemu")
# What libvirt makes below it, for threads: one level, and since 7.1 below a group "libvirt".
_BELOW = re.compile(r"(?:/libvirt)?(?:/(?:emulator|vcpu\d+|iothread\d+))?")
_DEVICE = re.compile(r"\d+:\d+")
_OCTAL = re.compile(r"\\([0-7]{3})")


class IoStat(NamedTuple):
    """What one cgroup did to one block device (``major:minor``); ``None`` is what was not told."""

    read_bytes: int | None
    write_bytes: int | None
    read_ops: int | None
    write_ops: int | None


def parse_membership(text: str) -> dict[str, str]:
    """Return the path in each hierarchy by controller, from ``/proc/PID/cgroup``; ``""`` is version 2."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if path.startswith("/"):
            for controller in controllers.split(","):
                paths[controller.removeprefix("name=")] = path
    return paths


def guest_scope(path: str) -> str | None:
    """Return the cgroup of the whole guest for the cgroup of one of its threads; ``None``: it has none.

    It is the last component of libvirt's naming, with nothing but libvirt's groups for threads below it: a
    container, a session or a service that libvirt itself runs in may be above, and is not the guest's.
    """
    parts = path.split("/")
    for index in range(len(parts) - 1, -1, -1):
        if _OWN.fullmatch(parts[index]):
            below = "".join(f"/{part}" for part in parts[index + 1 :])
            return "/".join(parts[: index + 1]) if _BELOW.fullmatch(below) else None
    return None


def own_groups(membership: Mapping[str, str]) -> dict[str, str]:
    """Return the guest's own cgroup by controller; a controller without one is left out."""
    found = ((controller, guest_scope(path)) for controller, path in membership.items())
    return {controller: path for controller, path in found if path is not None}


def not_own(membership: Mapping[str, str], groups: Mapping[str, str]) -> str | None:
    """Return the path of a resource whose group is not the guest's own; ``None`` when all of them are."""
    for resource in RESOURCES:
        controller = resource if resource in membership else UNIFIED
        if controller in membership and controller not in groups:
            return membership[controller]
    return None


def shared(claims: Iterable[Mapping[str, str]]) -> set[tuple[str, str]]:
    """Return controller and path of the groups that more than one guest claims."""
    seen: set[tuple[str, str]] = set()
    twice = set()
    for claim in claims:
        twice |= seen & claim.items()
        seen |= claim.items()
    return twice


def directory(
    root: Path, controller: str, membership: Mapping[str, str], mounts: Mapping[str, str] | None = None
) -> str | None:
    """Return the directory that holds the guest's files of a controller, or ``None`` where none does.

    ``root`` is the cgroup mount (/sys/fs/cgroup), ``mounts`` what ``parse_mounts`` found.  Version 1 wins
    where both exist, since a controller can be mounted in only one of them.  Raises ``OSError`` where nobody
    may look.
    """
    path = membership.get(controller)
    scope = guest_scope(path) if path is not None else None
    if controller != UNIFIED and scope is not None:
        for mount in _mounts_of(root, controller):
            if found := _below_mount(mount, mounts or {}, scope):
                return found
    if controller != UNIFIED and path is not None and scope is None:
        return None
    path = membership.get(UNIFIED)
    scope = guest_scope(path) if path is not None else None
    for mount in (f"{root}/unified", str(root)):
        if scope is not None and _is_there(f"{mount}/cgroup.controllers"):
            return _below_mount(mount, mounts or {}, scope)
    return None


def _mounts_of(root: Path, controller: str) -> Iterator[str]:
    yield f"{root}/{controller}"
    yield from sorted(  # joint: cpu,cpuacct
        str(path) for path in root.glob(f"*{controller}*") if controller in path.name.split(",")
    )


def _below_mount(mount: str, mounts: Mapping[str, str], path: str) -> str | None:
    """Return the directory of a cgroup below a mount, ``None`` where it is not there or not certain.

    Both paths are as seen from this process's cgroup namespace, so that each may begin with ``/..``.
    """
    up_root, root = _climb(mounts.get(os.path.realpath(mount), "/"))
    up, parts = _climb(path)
    if up == up_root and parts[: len(root)] == root:
        found = "/".join((mount, *parts[len(root) :]))
        return found if _is_there(found) else None
    if up < up_root and not root:
        # The namespace begins below the mount's root, in groups whose names cannot be seen from inside.
        between = "/*" * (up_root - up)
        candidates = glob.glob(f"{glob.escape(mount)}{between}/{glob.escape('/'.join(parts))}")
        return candidates[0] if len(candidates) == 1 else None
    return None


def _is_there(path: str) -> bool:
    """Whether it is there.  Raises ``OSError`` where that may not be known."""
    try:
        os.stat(path)
    except OSError as error:
        if is_absence(error):
            return False
        raise
    return True


def _climb(path: str) -> tuple[int, list[str]]:
    """Return how many levels a path goes up first, and the rest of it."""
    parts = [part for part in path.split("/") if part]
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return up, parts[up:]


def parse_mounts(text: str) -> dict[str, str]:
    """Return the cgroup at the root of each cgroup mount by mount point, from ``/proc/self/mountinfo``.

    ``/`` where the whole hierarchy is mounted; ``/../..`` where that is seen from a cgroup namespace.
    """
    found = {}
    for line in text.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split(" ")
        if len(fields) > 4 and tail.partition(" ")[0] in ("cgroup", "cgroup2"):
            found[_unescaped(fields[4])] = _unescaped(fields[3])
    return found


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


def parse_io_stat(text: str) -> dict[str, IoStat]:
    """Parse version 2 ``io.stat``: ``8:0 rbytes=.. rios=.. ...``; a device without I/O is bare.

    Other words of a line (``cost.usage=0``, ``depth=max``) are passed over, as are lines of devices that have
    no number.  Some kernels forget to end the line of a bare device: the last name owns what follows.
    """
    devices = {}
    for line in text.splitlines():
        device = ""
        values: dict[str, int] = {}
        for word in line.split():
            name, equals, value = word.partition("=")
            if not equals:
                device, values = word, {}
            elif (number := count(value)) is not None:
                values[name] = number
        stat = IoStat(*(values.get(name) for name in ("rbytes", "wbytes", "rios", "wios")))
        if _DEVICE.fullmatch(device) and any(value is not None for value in stat):
            devices[device] = stat
    return devices


def parse_throttle(text: str) -> dict[str, dict[str, int]]:
    """Parse version 1 ``blkio.throttle.io_*``: ``8:0 Read 123`` -> ``{"8:0": {"Read": 123, ...}}``."""
    devices: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        words = line.split()
        # The last line is `Total 123`, over all devices; a device that is gone is called `(unknown)`.
        if len(words) == 3 and _DEVICE.fullmatch(words[0]) and (number := count(words[2])) is not None:
            devices.setdefault(words[0], {})[words[1]] = number
    return devices
