"""Memory of the node, from /proc/meminfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_memory
from argus_agent.kernel.process import parse_kilobytes, parse_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


SIZES = {
    "MemTotal": node_memory.TOTAL,
    "MemAvailable": node_memory.AVAILABLE,
    "MemFree": node_memory.FREE,
    "Buffers": node_memory.BUFFERS,
    "Cached": node_memory.CACHED,
}


class NodeMemory:
    """Shares leave the huge page pools out, which are never available to anything else."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield sizes in bytes."""
        fields = parse_status(cycle.host.read_proc("meminfo"))
        memory = {name: parse_kilobytes(fields[name]) for name in SIZES if name in fields}
        yield from (SIZES[name].sample(size) for name, size in memory.items())
        if "SwapTotal" in fields and "SwapFree" in fields:
            total, free = parse_kilobytes(fields["SwapTotal"]), parse_kilobytes(fields["SwapFree"])
            yield node_memory.SWAP_TOTAL.sample(total)
            yield node_memory.SWAP_USED.sample(total - free)
        pools = huge_page_pools(fields)
        yield node_memory.HUGETLB.sample(pools)
        if "MemAvailable" in memory and memory.get("MemTotal", 0) > pools:
            ratio = memory["MemAvailable"] / (memory["MemTotal"] - pools)
            yield node_memory.AVAILABLE_RATIO.sample(ratio)


def huge_page_pools(meminfo: dict[str, str]) -> int:
    """Return the bytes in huge page pools: of all sizes since Linux 4.15, of the default size before."""
    if "Hugetlb" in meminfo:
        return parse_kilobytes(meminfo["Hugetlb"])
    if "HugePages_Total" not in meminfo:
        return 0  # a kernel without huge page pools has none
    return int(meminfo["HugePages_Total"]) * parse_kilobytes(meminfo["Hugepagesize"])
