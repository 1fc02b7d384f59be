"""CPU time of the node, from /proc/stat through psutil."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_cpu
from argus_agent.cycle import Deltas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

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
_IDLE = ("idle", "iowait")


class NodeCpu:
    """Counters as the kernel has them, and the share that was busy since the last cycle."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counters of all CPUs together."""
        with cycle.host.psutil() as psutil:
            times = psutil.cpu_times()._asdict()
        yield from (metric.sample(times[mode]) for mode, metric in MODES.items() if mode in times)
        yield node_cpu.ONLINE.sample(len(cycle.host.online_cpus()))
        self._deltas.turn()
        grown = {mode: self._deltas.grown(mode, times.get(mode, 0.0)) for mode in _WHOLE}
        # The kernel's idle and iowait of a tickless CPU may step back a little: no growth, not unknown.
        known = {mode: value or 0.0 for mode, value in grown.items()}
        total = sum(known.values())
        if grown["user"] is not None and total > 0:
            yield node_cpu.USED.sample(1 - sum(known[mode] for mode in _IDLE) / total)
