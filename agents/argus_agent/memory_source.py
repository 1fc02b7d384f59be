"""Where a guest's memory is, from the cheapest place that tells: its control group, else its page tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_agent.kernel.files import read
from argus_agent.kernel.memory_stat import Huge, parse_held, parse_huge, parse_numa_stat
from argus_agent.kernel.process import PAGE_BYTES, parse_kilobytes, status_field

if TYPE_CHECKING:
    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess

MISSING_BYTES = 1 << 29
"""Of a process in small pages that its group may lack: programs and libraries count where they were read."""


def numa_of_group(host: Host, process: GuestProcess) -> dict[int, int] | None:
    """Return bytes by NUMA node from ``memory.numa_stat``; ``None`` where that does not tell all of them.

    It lacks pages of hugetlbfs.  Raises ``OSError`` when a file is there and cannot be read, and
    ``ValueError`` for a file of another form.
    """
    folder = process.folder(host.cgroupfs, "memory")
    if folder is None or _has_hugetlb(host, process):
        return None
    text = _text(f"{folder}/memory.numa_stat")
    found = None if text is None else parse_numa_stat(text, file_backed=process.guest.file_backed)
    return found if found is not None and _is_of_guest(sum(found.values()), process) else None


def huge_of_group(host: Host, process: GuestProcess) -> Huge | None:
    """Return bytes in transparent huge pages from ``memory.stat``, ``None`` where that does not tell.

    Raises ``OSError`` when the file is there and cannot be read.
    """
    folder = process.folder(host.cgroupfs, "memory")
    text = None if folder is None else _text(f"{folder}/memory.stat")
    found = None if text is None else parse_huge(text)
    if found is None or found.anon is None or text is None:
        return None
    held = parse_held(text)
    return found if held is None or _is_of_guest(held, process) else None


def _is_of_guest(held: int, process: GuestProcess) -> bool:
    """Whether the group counts the memory that the process has.

    It does not count what others touched first (shared memory), and what the process had before it came to
    the group.
    """
    resident = process.stat.rss_pages * PAGE_BYTES
    return (held > 0 or not resident) and (resident - held <= MISSING_BYTES or held >= resident / 2)


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
