"""The node's disks in sysfs: which there are, what they are called, and what they are made of.

Documentation/ABI/stable/sysfs-block, ABI/testing/sysfs-block-dm, admin-guide/iostats.rst
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import listed
from argus_agent.kernel.numbers import integers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Look = Callable[[str], str | None]
    """Returns a small file's text without space around it, ``None`` where there is nothing to read."""

DISK, MD, DM, LVM, CRYPT, MULTIPATH = "disk", "md", "dm", "lvm", "crypt", "multipath"
_DM_KINDS = {"LVM-": LVM, "CRYPT-": CRYPT, "mpath-": MULTIPATH}
_DM_PARTITION = re.compile(r"part\d+-")  # kpartx makes a map of each partition of a multipath map
_NO_DISK = re.compile(r"(?:loop|ram|zram|fd|sr)\d+$")
_NVME_PATH = re.compile(r"nvme\d+c\d+n\d+$")  # a path of native multipath, hidden behind its head


class Disk(NamedTuple):
    """``label`` is the name that stays over reboots, ``members`` are kernel names.

    ``counted``: the kernel counts its I/O (queue/iostats).
    """

    name: str
    label: str
    kind: str
    members: tuple[str, ...]
    counted: bool


def read_disks(block: Path, look: Look) -> list[Disk]:
    """Return the disks below /sys/block.  Raises ``OSError`` when that cannot be listed."""
    names = listed(str(block))
    known = frozenset(names)
    return [disk for name in names if (disk := _disk(f"{block}/{name}", name, known, look)) is not None]


def _disk(folder: str, name: str, names: frozenset[str], look: Look) -> Disk | None:
    if _NO_DISK.match(name) or _NVME_PATH.match(name):
        return None
    if look(f"{folder}/hidden") == "1":
        return None
    if look(f"{folder}/size") == "0":  # a reader without a card, an idle nbd
        return None
    label, kind = name, MD if name.startswith("md") else DISK
    if name.startswith("dm-"):
        uuid = look(f"{folder}/dm/uuid") or ""
        if _DM_PARTITION.match(uuid):
            return None
        kind = next((kind for prefix, kind in _DM_KINDS.items() if uuid.startswith(prefix)), DM)
        mapped = look(f"{folder}/dm/name")
        label = mapped if mapped and mapped not in names else name
    counted = look(f"{folder}/queue/iostats") != "0"
    return Disk(name, label, kind, tuple(listed(f"{folder}/slaves")), counted)


def parse_diskstats(text: str) -> dict[str, list[int | None]]:
    """Return the numbers of each device and partition by name: 11, with discards 15, with flushes 17.

    A word that is no number is ``None``; a line without a name is passed over.
    """
    lines = (line.split() for line in text.splitlines())
    return {words[2]: integers(words[3:]) for words in lines if len(words) > 3}


def read_counters(
    procfs: Path, block: Path, disks: Iterable[Disk], look: Look
) -> Mapping[str, list[int | None]]:
    """Return the counters by kernel name: from /proc/diskstats, or device by device where that is missing."""
    text = look(f"{procfs}/diskstats")
    if text is not None:
        return parse_diskstats(text)
    return {disk.name: integers((look(f"{block}/{disk.name}/stat") or "").split()) for disk in disks}
