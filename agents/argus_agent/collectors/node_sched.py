"""Waiting in run queues, from /proc/schedstat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_sched import RUNNING, SLICES, WAITING
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.numbers import count, integers

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

    A line of another form is passed over.  Raises ``ValueError`` when no CPU is in the text, as in a version
    of the file that is not known.
    """
    lines = (line.split() for line in text.splitlines() if line.startswith("cpu"))
    found = (integers(words[7:10]) for words in lines if count(words[0][3:]) is not None)
    rows = [
        (running, waiting, slices)
        for running, waiting, slices in (row for row in found if len(row) == 3)
        if running is not None and waiting is not None and slices is not None
    ]
    if not rows:
        raise ValueError("schedstat has no line of a CPU with nine fields")
    running, waiting, slices = (sum(column) for column in zip(*rows, strict=True))
    return running / 1e9, waiting / 1e9, slices
