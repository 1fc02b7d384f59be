"""CPU time by NUMA node, from /proc/stat and the topology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.numa_cpu import IDLE, STEAL, SYSTEM, USER
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.stat import TICKS, Steady, parse_cpu_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.kernel.stat import Times

# guest is part of user.
COLUMNS = {
    USER: ("user", "nice"),
    SYSTEM: ("system", "irq", "softirq"),
    IDLE: ("idle", "iowait"),
    STEAL: ("steal",),
}


class NumaCpu:
    """A CPU that no node, or more than one, claims is left out."""

    stats = None

    def __init__(self) -> None:
        self._steady = Steady()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds since boot by NUMA node; a sum that lacks one of its CPUs is not given at all."""
        topology = cycle.topology()
        if not topology.nodes:
            raise NoData("kernel without CONFIG_NUMA")
        times = parse_cpu_times(cycle.host.read_proc("stat"))
        for node in topology.nodes:
            cpus = [times.get(n, {}) for n, cpu in topology.cpus.items() if cpu.node == node]
            found = self._steady.of(str(node), _sums(cpus), len(cpus))
            for metric in COLUMNS:
                if metric.name in found:
                    yield metric.sample(found[metric.name] / TICKS, str(node))


def _sums(cpus: list[Times]) -> Times:
    """Clock ticks by metric, from the columns that this kernel has; each of the CPUs must have them."""
    sums = {}
    for metric, columns in COLUMNS.items():
        present = [column for column in columns if any(column in cpu for cpu in cpus)]
        if present and all(column in cpu for cpu in cpus for column in present):
            sums[metric.name] = sum(cpu[column] for cpu in cpus for column in present)
    return sums
