"""Memory of a guest by its control group: ``memory.numa_stat`` and ``memory.stat``, versions 1 and 2.

Reading them costs the kernel nothing that grows with the guest, unlike numa_maps and smaps_rollup, which walk
its page tables.  Pages of hugetlbfs are in neither.
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory and .../cgroup-v1/memory.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from argus_agent.kernel.process import PAGE_BYTES, parse_counters

_BYTES = re.compile(r"^(anon|shmem|file_mapped)((?: N[0-9]{1,9}=[0-9]{1,20})+)[ \t]*$", re.MULTILINE)
_PAGES = re.compile(
    r"^(hierarchical_)?(anon|unevictable)=[0-9]+((?: N[0-9]{1,9}=[0-9]{1,20})+)[ \t]*$", re.MULTILINE
)
_VERSION_1 = re.compile(r"^(?:hierarchical_)?total=\d", re.MULTILINE)


class Huge(NamedTuple):
    """Bytes in transparent huge pages; ``None`` where the kernel does not say."""

    anon: int | None
    shmem: int | None


def parse_numa_stat(text: str, *, file_backed: bool) -> dict[int, int] | None:
    """Return the guest's bytes by NUMA node; ``None`` when the file does not tell them apart from others.

    ``file_backed``: its memory is made of files, which version 2 counts as ``file_mapped`` and version 1 with
    the page cache of its disks.
    """
    if _VERSION_1.search(text):
        return None if file_backed else _of_version_1(text)
    rows = {name: _nodes(nodes) for name, nodes in _BYTES.findall(text)}
    shared = rows.get("file_mapped" if file_backed else "shmem")
    if "anon" not in rows or (shared is None and file_backed):
        return None
    return _added(rows["anon"], shared or {})


def _of_version_1(text: str) -> dict[int, int] | None:
    """Pages.  ``anon`` has shared memory as well; what is locked is ``unevictable`` and in no other row."""
    rows = {(bool(below), name): _nodes(nodes) for below, name, nodes in _PAGES.findall(text)}
    below = (True, "anon") in rows  # since Linux 3.17: with the groups below it
    if (below, "anon") not in rows:
        return None
    pages = _added(rows[below, "anon"], rows.get((below, "unevictable"), {}))
    return {node: count * PAGE_BYTES for node, count in pages.items()}


def _nodes(text: str) -> dict[int, int]:
    pairs = (word[1:].partition("=") for word in text.split())
    return {int(node): int(number) for node, _, number in pairs}


def _added(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    return {node: one.get(node, 0) + other.get(node, 0) for node in sorted(one.keys() | other.keys())}


def parse_held(text: str) -> int | None:
    """Return the bytes of what its processes have mapped, anonymous and of files, by ``memory.stat``."""
    counters = parse_counters(text)
    for anon, files in (("anon", "file_mapped"), ("total_rss", "total_mapped_file"), ("rss", "mapped_file")):
        if anon in counters and files in counters:
            return counters[anon] + counters[files]
    return None


def parse_huge(text: str) -> Huge:
    """Return what ``memory.stat`` says of transparent huge pages.

    Version 2: ``anon_thp`` (Linux 5.0) and ``shmem_thp`` (5.10).  Version 1: ``total_rss_huge``, and nothing
    of shared memory.
    """
    counters = parse_counters(text)
    anon = next(
        (counters[name] for name in ("anon_thp", "total_rss_huge", "rss_huge") if name in counters), None
    )
    return Huge(anon, counters.get("shmem_thp"))
