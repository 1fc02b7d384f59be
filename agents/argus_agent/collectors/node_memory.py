"""Memory of the node, from /proc/meminfo through psutil."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_memory
from argus_agent.kernel.process import parse_kilobytes, parse_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeMemory:
    """Shares leave the huge page pools out, which are never available to anything else."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield sizes in bytes."""
        with cycle.host.psutil() as psutil:
            memory = psutil.virtual_memory()
        fields = parse_status(cycle.host.read_proc("meminfo"))
        yield node_memory.TOTAL.sample(memory.total)
        yield node_memory.AVAILABLE.sample(memory.available)
        yield node_memory.FREE.sample(memory.free)
        yield node_memory.BUFFERS.sample(memory.buffers)
        yield node_memory.CACHED.sample(memory.cached)
        if "SwapTotal" in fields and "SwapFree" in fields:
            total, free = parse_kilobytes(fields["SwapTotal"]), parse_kilobytes(fields["SwapFree"])
            yield node_memory.SWAP_TOTAL.sample(total)
            yield node_memory.SWAP_USED.sample(total - free)
        pools = huge_page_pools(fields)
        yield node_memory.HUGETLB.sample(pools)
        if memory.total > pools:
            yield node_memory.AVAILABLE_RATIO.sample(memory.available / (memory.total - pools))


def huge_page_pools(meminfo: dict[str, str]) -> int:
    """Return the bytes in huge page pools: of all sizes since Linux 4.15, of the default size before."""
    if "Hugetlb" in meminfo:
        return parse_kilobytes(meminfo["Hugetlb"])
    if "HugePages_Total" not in meminfo:
        return 0  # a kernel without huge page pools has none
    return int(meminfo["HugePages_Total"]) * parse_kilobytes(meminfo["Hugepagesize"])
