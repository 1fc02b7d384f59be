"""CPU time by NUMA node, from /proc/stat and the topology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.numa_cpu import IDLE, STEAL, SYSTEM, USER
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.process import TICKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample

# Columns of /proc/stat: user nice system idle iowait irq softirq steal; guest is part of user.
COLUMNS = {USER: (0, 1), SYSTEM: (2, 5, 6), IDLE: (3, 4), STEAL: (7,)}


class NumaCpu:
    """A CPU that no node, or more than one, claims is left out."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds since boot by NUMA node."""
        topology = cycle.topology()
        if not topology.nodes:
            raise NoData("kernel without CONFIG_NUMA")
        times = parse_cpu_times(cycle.host.read_proc("stat"))
        for node in topology.nodes:
            cpus = [times[n] for n, cpu in topology.cpus.items() if cpu.node == node and n in times]
            for metric, columns in COLUMNS.items() if cpus else ():
                ticks = sum(cpu[column] for cpu in cpus for column in columns)
                yield metric.sample(ticks / TICKS, str(node))


def parse_cpu_times(text: str) -> dict[int, tuple[int, ...]]:
    """Return the columns of /proc/stat by CPU, in clock ticks."""
    lines = (line.split() for line in text.splitlines() if line.startswith("cpu"))
    return {int(w[0][3:]): tuple(map(int, w[1:])) for w in lines if w[0][3:].isdecimal() and len(w) > 8}
