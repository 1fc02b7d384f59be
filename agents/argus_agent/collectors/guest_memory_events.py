"""Memory events of each guest's control group (version 2), from memory.events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_memory_events import EVENTS
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.cgroup import UNIFIED
from argus_agent.kernel.files import read_record
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


class GuestMemoryEvents:
    """Nothing where the memory controller is version 1: that one has no such file."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_of_guest)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield events since the guest started."""
        yield from self._turn.collect(cycle)


def _of_guest(cycle: Cycle, process: GuestProcess) -> Iterator[Sample]:
    folder = process.folder(cycle.host.cgroupfs, UNIFIED)
    counters = parse_counters(read_record(f"{folder}/memory.events")) if folder is not None else {}
    for name, metric in EVENTS.items():
        if name in counters:
            yield metric.sample(counters[name], process.guest.uuid)
