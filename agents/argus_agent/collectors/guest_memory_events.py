"""Memory events of each guest's control group (version 2), from memory.events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_memory_events import EVENTS
from argus_agent.kernel.cgroup import UNIFIED, directory
from argus_agent.kernel.files import read
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class GuestMemoryEvents:
    """Nothing where the memory controller is version 1: that one has no such file."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield events since the guest started."""
        for process in cycle.running():
            folder = directory(cycle.host.cgroupfs, UNIFIED, process.cgroups)
            if folder is None:
                continue
            try:
                counters = parse_counters(read(f"{folder}/memory.events"))
            except FileNotFoundError:
                continue
            for name, metric in EVENTS.items():
                if name in counters:
                    yield metric.sample(counters[name], process.guest.uuid)
