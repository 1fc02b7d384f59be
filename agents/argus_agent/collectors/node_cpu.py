"""CPU time of the node, from /proc/stat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_cpu
from argus_agent.cycle import Deltas
from argus_agent.derived import quotient
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.stat import ALL, TICKS, Steady, parse_cpu_times
from argus_agent.reading import read_parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.stat import Times

MODES = {
    "user": node_cpu.USER,
    "nice": node_cpu.NICE,
    "system": node_cpu.SYSTEM,
    "idle": node_cpu.IDLE,
    "iowait": node_cpu.IOWAIT,
    "irq": node_cpu.IRQ,
    "softirq": node_cpu.SOFTIRQ,
    "steal": node_cpu.STEAL,
    "guest": node_cpu.GUEST,
}
# guest and guest_nice are left out: the kernel counts them in user and nice as well.
_WHOLE = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_NEEDED = ("user", "system", "idle")
_IDLE = ("idle", "iowait")


class NodeCpu:
    """Counters as the kernel has them, and the share that was busy since the last cycle."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._steady = Steady()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counters of all CPUs together."""
        online = read_parsed(cycle, f"{cycle.host.sysfs}/devices/system/cpu/online", parse_cpulist)
        found = parse_cpu_times(cycle.host.read_proc("stat"))
        if ALL not in found:
            raise ValueError("/proc/stat has no line of all CPUs")
        times = self._steady.of("node", found[ALL], len(online or found))
        yield from (metric.sample(times[mode] / TICKS) for mode, metric in MODES.items() if mode in times)
        if online:
            yield node_cpu.ONLINE.sample(len(online))
        yield from self._used(cycle, times)

    def _used(self, cycle: Cycle, times: Times) -> Iterator[Sample]:
        self._deltas.turn(cycle)
        grown = {mode: self._deltas.grown(mode, times.get(mode)) for mode in _WHOLE}
        if any(grown[mode] is None for mode in _NEEDED):
            return
        known = {mode: each.by if each is not None else 0.0 for mode, each in grown.items()}
        total = sum(known.values())
        used = quotient("", total - sum(known[mode] for mode in _IDLE), total)
        if used is not None:
            yield node_cpu.USED.sample(used)
