"""CPU time and memory of each guest's helper processes, from the kernel alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_helpers import ALIVE, CPU, RSS
from argus.catalogue.model import Row
from argus_agent.in_turn import FIVE_MINUTES, SamplesInTurn
from argus_agent.kernel.helpers import read_helpers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

METRICS = (ALIVE, CPU, RSS)


class GuestHelpers:
    """Most guests have none.  Sums begin again when a helper ends: rates skip that interval."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_helpers, FIVE_MINUTES)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield sums by guest and role."""
        yield from self._turn.collect(cycle)


def _helpers(cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
    for role, helpers in read_helpers(cycle.host, process).items():
        yield Row(METRICS, helpers, (process.guest.uuid, role))
