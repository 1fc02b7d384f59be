"""Mounts as proc_pid_mountinfo(5) lists them, and which of them are file systems with space of their own."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PSEUDO = frozenset(
    [
        "aufs",
        "autofs",
        "bdev",
        "binder",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "cpuset",
        "cramfs",
        "debugfs",
        "devfs",
        "devpts",
        "devtmpfs",
        "ecryptfs",
        "efivarfs",
        "erofs",
        "fuse.gvfsd-fuse",
        "fuse.lxcfs",
        "fuse.portal",
        "fuse.snapfuse",
        "fusectl",
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "nfsd",
        "nsfs",
        "overlay",
        "pipefs",
        "proc",
        "pstore",
        "ramfs",
        "resctrl",
        "romfs",
        "rootfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "shiftfs",
        "smackfs",
        "sockfs",
        "squashfs",
        "sysfs",
        "tmpfs",
        "tracefs",
        "udf",
        "xenfs",
    ]
)
"""Types without a disk of their own, those that are layers of others, and those that are full by nature."""
READ_ONLY_BY_ERROR = frozenset({"emergency_ro", "shutdown"})
"""What ext4 shows since Linux 6.15, where an error no longer turns the whole file system to ``ro``."""
_ESCAPE = re.compile(r"\\([0-7]{3})")
_DELETED = "//deleted"
_LINKS = 40  # as the kernel follows at most


class Mount(NamedTuple):
    """One line: ``device`` is ``major:minor``, ``point`` is where it is, below the root of the process.

    ``options`` are those of this mount, ``super_options`` those of the file system, whoever mounted it.
    """

    ident: int
    parent: int
    device: str
    root: str
    point: str
    options: frozenset[str]
    kind: str
    source: str
    super_options: frozenset[str]


def parse_mountinfo(text: str) -> list[Mount]:
    """Return the mounts in the order of the file; a line of another form is passed over."""
    found = (_parse_line(line) for line in text.split("\n"))
    return [mount for mount in found if mount is not None]


def _parse_line(line: str) -> Mount | None:
    words = line.split(" ")
    try:
        dash = words.index("-", 6)  # any number of optional fields come before it
        kind, source, super_options = words[dash + 1 : dash + 4]
        ident, parent, device, root, point, options = words[:6]
        return Mount(
            int(ident),
            int(parent),
            device,
            unescape(root),
            unescape(point),
            frozenset(options.split(",")),
            unescape(kind),
            unescape(source),
            frozenset(super_options.split(",")),
        )
    except ValueError:
        return None


def unescape(text: str) -> str:
    r"""Return the text with the kernel's ``\040`` and the like as what they stand for."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def is_within(path: str, folder: str) -> bool:
    """Whether a path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def visible(mounts: Sequence[Mount]) -> list[Mount]:
    """Return the mounts that a path leads to: not those that were mounted over, nor what is below such."""
    idents = {mount.ident for mount in mounts}
    below: dict[int | None, list[Mount]] = {}
    for mount in mounts:
        known = mount.parent in idents and mount.parent != mount.ident
        below.setdefault(mount.parent if known else None, []).append(mount)
    found: list[Mount] = []
    left = below.get(None, [])
    while left:
        mount = left.pop()
        inner = below.get(mount.ident, [])
        over = [each for each in inner if each.point == mount.point]
        if over:
            left += over
            continue
        points = {each.point for each in inner}
        left += [each for each in inner if points.isdisjoint(_between(each.point, mount.point))]
        if not mount.point.endswith(_DELETED):
            found.append(mount)
    return found


def _between(point: str, top: str) -> Iterator[str]:
    """Yield the folders above ``point`` and below ``top``."""
    point = point.rpartition("/")[0]
    while len(point) > len(top):
        yield point
        point = point.rpartition("/")[0]


def file_systems(mounts: Sequence[Mount]) -> list[Mount]:
    """Return of all mounts the visible ones that have space of their own and stay.

    What an automounter unmounts after a while is left out: asking would keep it mounted, or mount it again.
    """
    automounts = [m.point for m in mounts if m.kind == "autofs" and "timeout=0" not in m.super_options]
    return [
        mount
        for mount in visible(mounts)
        if mount.kind not in PSEUDO and not any(is_within(mount.point, point) for point in automounts)
    ]


def holder(mounts: Iterable[Mount], path: str) -> Mount | None:
    """Return the visible mount that a path without links leads to."""
    return max((m for m in mounts if is_within(path, m.point)), key=lambda m: len(m.point), default=None)


def choose(
    mounts: Iterable[Mount], wanted: Sequence[str], ignored: Sequence[str], always: Mount | None
) -> list[Mount]:
    """Return one mount of each device, in the order of their points: the shortest that the patterns name.

    Bind mounts and subvolumes of one device share its space.  The device of ``always`` is among them.
    """
    by_device: dict[str, list[Mount]] = {}
    for mount in mounts:
        if _matches(mount.point, wanted) and not _matches(mount.point, ignored):
            by_device.setdefault(mount.device, []).append(mount)
    if always is not None:
        by_device.setdefault(always.device, [always])
    chosen = (min(same, key=lambda m: (len(m.point), m.point)) for same in by_device.values())
    return sorted(chosen, key=lambda mount: mount.point)


def _matches(point: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(point, pattern) for pattern in patterns)


def follow(path: str, points: frozenset[str], readlink: Callable[[str], str]) -> str:
    """Return where a path leads, links followed as a process with that root would.

    ``points`` are mounted on, hence no links, and not looked at.  ``readlink`` raises ``OSError`` with
    EINVAL for what is no link, as readlink(2) does.  Raises ``OSError``: ENOENT where the path leads nowhere.
    """
    done, left = "", [word for word in path.split("/") if word]
    links = 0
    while left:
        word = left.pop(0)
        if word in {".", ".."}:
            done = done.rpartition("/")[0] if word == ".." else done
            continue
        here = f"{done}/{word}"
        target = None if here in points else _link(here, readlink)
        if target is None:
            done = here
            continue
        links += 1
        if links > _LINKS:
            raise OSError(f"{path}: too many links")
        done = "" if target.startswith("/") else done
        left = [word for word in target.split("/") if word] + left
    return done or "/"


def _link(path: str, readlink: Callable[[str], str]) -> str | None:
    try:
        return readlink(path)
    except OSError as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        return None
