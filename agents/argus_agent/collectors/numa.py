"""Memory and allocation misses of each NUMA node, from sysfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.numa import CPUS, DISTANCES, MEMINFO, NUMASTAT
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import numbered
from argus_agent.kernel.meminfo import parse_meminfo
from argus_agent.kernel.process import parse_counters
from argus_agent.reading import read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class Numa:
    """One set of samples for each /sys/devices/system/node/node*."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes, pages and CPUs by NUMA node."""
        base = f"{cycle.host.sysfs}/devices/system/node"
        nodes = numbered(base, "node")
        if not nodes:
            raise NoData("kernel without CONFIG_NUMA")
        for node in nodes:
            yield from _of_node(cycle, f"{base}/node{node}", str(node))


def _of_node(cycle: Cycle, node: str, number: str) -> Iterator[Sample]:
    memory = parse_meminfo(read_text(cycle, f"{node}/meminfo") or "")
    yield from (metric.sample(memory[name], number) for name, metric in MEMINFO.items() if name in memory)
    counters = parse_counters(read_text(cycle, f"{node}/numastat") or "")
    yield from (
        metric.sample(counters[name], number) for name, metric in NUMASTAT.items() if name in counters
    )
    cpus = read_parsed(cycle, f"{node}/cpulist", parse_cpulist)
    if cpus is not None:
        yield CPUS.sample(len(cpus), number)
    distances = (read_text(cycle, f"{node}/distance") or "").strip()
    if distances:
        yield DISTANCES.sample(distances, number)
