"""``meminfo`` of the machine (/proc) and of each NUMA node (sysfs).  proc(5) has the fields."""

from __future__ import annotations

from argus_agent.kernel.numbers import parse_integer


def parse_meminfo(text: str) -> dict[str, int]:
    """Return sizes in bytes and counts (``HugePages_Total``) as they are, by field.

    A NUMA node's lines begin with ``Node 0``.  A line of another form is passed over.
    """
    fields = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        words = value.split()
        names = name.split()
        if not colon or not names or not words or words[1:] not in ([], ["kB"]):
            continue
        try:
            fields[names[-1]] = parse_integer(words[0]) * (1024 if words[1:] else 1)
        except ValueError:
            continue
    return fields


def huge_page_pools(meminfo: dict[str, int]) -> int | None:
    """Return the bytes in huge page pools: of all sizes since Linux 4.15, of the default size before.

    ``None`` where the file does not say; a kernel without huge page pools has none in them.
    """
    if "Hugetlb" in meminfo:
        return meminfo["Hugetlb"]
    if "HugePages_Total" not in meminfo:
        return 0
    if "Hugepagesize" not in meminfo:
        return None
    return meminfo["HugePages_Total"] * meminfo["Hugepagesize"]
