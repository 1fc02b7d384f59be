"""Waiting in run queues, from /proc/schedstat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_sched import RUNNING, SLICES, WAITING
from argus_agent.cycle import Cycle, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class NodeSched:
    """Sums over CPUs."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds and timeslices since boot."""
        try:
            text = cycle.host.read_proc("schedstat")
        except FileNotFoundError as error:
            raise NoData("kernel without CONFIG_SCHEDSTATS") from error
        running, waiting, slices = parse_schedstats(text)
        yield RUNNING.sample(running)
        yield WAITING.sample(waiting)
        yield SLICES.sample(slices)


def parse_schedstats(text: str) -> tuple[float, float, int]:
    """Return seconds running, seconds waiting and timeslices over all CPUs.

    Raises ``ValueError`` when no CPU is in the text, as in a version of the file that is not known.
    """
    rows = [line.split() for line in text.splitlines() if line.startswith("cpu")]
    rows = [row for row in rows if row[0][3:].isdecimal() and len(row) >= 10]
    if not rows:
        raise ValueError("schedstat has no line of a CPU with nine fields")
    running, waiting, slices = (sum(int(row[field]) for row in rows) for field in (7, 8, 9))
    return running / 1e9, waiting / 1e9, slices
