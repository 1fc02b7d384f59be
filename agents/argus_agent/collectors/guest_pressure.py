"""Pressure stall information of each guest, from its control group (version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_pressure import STALLED
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.in_turn import HALF_MINUTE, SamplesInTurn
from argus_agent.kernel.cgroup import UNIFIED
from argus_agent.kernel.files import is_absence
from argus_agent.kernel.pressure import parse_pressure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

_RESOURCES, _KINDS = (list(dict.fromkeys(words)) for words in zip(*STALLED, strict=True))
METRICS = tuple(STALLED[resource, kind] for resource in _RESOURCES for kind in _KINDS)


class GuestPressure:
    """Works beside version 1 too, as long as libvirt keeps the guest in the unified hierarchy."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_of_guest, HALF_MINUTE)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield seconds stalled by guest, resource and kind."""
        yield from self._turn.collect(cycle)


def _of_guest(cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
    folder = process.folder(cycle.host.cgroupfs, UNIFIED)
    if folder is None:
        return
    stalled: list[float | None] = []
    for resource in _RESOURCES:
        try:
            found = cycle.host.files.parsed(f"{folder}/{resource}.pressure", parse_pressure)
        except OSError as error:  # without PSI it is missing, or refuses to be read with EOPNOTSUPP
            if not is_absence(error):
                raise
            stalled += [None] * len(_KINDS)
        else:
            stalled += map(found.get, _KINDS)
    if is_known(stalled):
        yield Row(METRICS, tuple(stalled), (process.guest.uuid,))
