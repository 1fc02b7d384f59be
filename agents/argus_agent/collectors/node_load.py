"""How many tasks run or wait, from /proc/loadavg, /proc/stat and /proc/uptime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_load
from argus_agent.kernel.numbers import parse_decimal
from argus_agent.kernel.process import parse_counters
from argus_agent.reading import read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

AVERAGES = (node_load.LOAD1, node_load.LOAD5, node_load.LOAD15)
TASKS = {"procs_running": node_load.RUNNING, "procs_blocked": node_load.BLOCKED}


class NodeLoad:
    """Load averages, tasks, and time since boot."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield one sample a figure."""
        procfs = cycle.host.procfs
        averages = read_parsed(cycle, procfs / "loadavg", parse_averages)
        yield from (metric.sample(value) for metric, value in zip(AVERAGES, averages or (), strict=False))
        counters = parse_counters(read_text(cycle, procfs / "stat") or "")
        yield from (metric.sample(counters[name]) for name, metric in TASKS.items() if name in counters)
        uptime = read_parsed(cycle, procfs / "uptime", lambda text: parse_decimal(text.partition(" ")[0]))
        if uptime is not None:
            yield node_load.UPTIME.sample(uptime)


def parse_averages(text: str) -> tuple[float, ...]:
    """Return the load averages of 1, 5 and 15 minutes.  Raises ``ValueError`` when one is no number."""
    return tuple(parse_decimal(word) for word in text.split()[:3])
