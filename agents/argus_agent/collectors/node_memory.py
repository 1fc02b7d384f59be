"""Memory of the node, from /proc/meminfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_memory
from argus_agent.kernel.meminfo import huge_page_pools, parse_meminfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

FIELDS = {
    "MemTotal": node_memory.TOTAL,
    "MemAvailable": node_memory.AVAILABLE,
    "MemFree": node_memory.FREE,
    "Buffers": node_memory.BUFFERS,
}


class NodeMemory:
    """Shares leave the huge page pools out, which are never available to anything else."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield sizes in bytes."""
        memory = parse_meminfo(cycle.host.read_proc("meminfo"))
        if "MemTotal" not in memory:
            raise ValueError("/proc/meminfo has no MemTotal")
        yield from (metric.sample(memory[name]) for name, metric in FIELDS.items() if name in memory)
        if "Cached" in memory:
            yield node_memory.CACHED.sample(memory["Cached"] + memory.get("SReclaimable", 0))
        if "SwapTotal" in memory and "SwapFree" in memory:
            yield node_memory.SWAP_TOTAL.sample(memory["SwapTotal"])
            yield node_memory.SWAP_USED.sample(memory["SwapTotal"] - memory["SwapFree"])
        pools = huge_page_pools(memory)
        if pools is None:
            return
        yield node_memory.HUGETLB.sample(pools)
        if memory["MemTotal"] > pools and "MemAvailable" in memory:
            yield node_memory.AVAILABLE_RATIO.sample(memory["MemAvailable"] / (memory["MemTotal"] - pools))
