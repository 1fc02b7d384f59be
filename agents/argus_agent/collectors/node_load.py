"""How many tasks run or wait, from /proc/loadavg, /proc/stat and /proc/uptime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_load
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeLoad:
    """Load averages, tasks, and time since boot."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield one sample a figure."""
        averages = cycle.host.read_proc("loadavg").split()
        for metric, word in zip((node_load.LOAD1, node_load.LOAD5, node_load.LOAD15), averages, strict=False):
            yield metric.sample(float(word))
        counters = parse_counters(cycle.host.read_proc("stat"))
        for name, metric in (("procs_running", node_load.RUNNING), ("procs_blocked", node_load.BLOCKED)):
            if name in counters:
                yield metric.sample(counters[name])
        yield node_load.UPTIME.sample(float(cycle.host.read_proc("uptime").split()[0]))
