"""Where a guest's memory is, from the cheapest place that tells: its control group, else its page tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_agent.kernel.files import read
from argus_agent.kernel.memory_stat import Huge, parse_huge, parse_numa_stat
from argus_agent.kernel.process import parse_kilobytes, status_field

if TYPE_CHECKING:
    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess


def numa_of_group(host: Host, process: GuestProcess) -> dict[int, int] | None:
    """Return bytes by NUMA node from ``memory.numa_stat``; ``None`` where that does not tell all of them.

    It lacks pages of hugetlbfs.  Raises ``OSError`` when a file is there and cannot be read, and
    ``ValueError`` for a file of another form.
    """
    folder = process.folder(host.cgroupfs, "memory")
    if folder is None or _has_hugetlb(host, process):
        return None
    text = _text(f"{folder}/memory.numa_stat")
    return None if text is None else parse_numa_stat(text, file_backed=process.guest.file_backed)


def huge_of_group(host: Host, process: GuestProcess) -> Huge | None:
    """Return bytes in transparent huge pages from ``memory.stat``, ``None`` where that does not tell.

    Raises ``OSError`` when the file is there and cannot be read.
    """
    folder = process.folder(host.cgroupfs, "memory")
    text = None if folder is None else _text(f"{folder}/memory.stat")
    found = None if text is None else parse_huge(text)
    return found if found is not None and found.anon is not None else None


def _has_hugetlb(host: Host, process: GuestProcess) -> bool:
    held = status_field(read(f"{host.procfs}/{process.guest.pid}/status"), "HugetlbPages")
    if held is None:  # kernel before 4.4
        return process.guest.hugetlb
    return parse_kilobytes(held) > 0


def _text(path: str) -> str | None:
    try:
        return read(path)
    except FileNotFoundError:  # without the controller memory, or a kernel that has no such file yet
        return None
