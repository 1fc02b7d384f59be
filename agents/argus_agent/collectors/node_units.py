"""Whether the services that were asked for run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_units import ACTIVE
from argus_agent.cycle import NoData
from argus_agent.kernel.units import enabled_units, is_managed, running_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeUnits:
    """Remembers what ran: a service that nobody enabled but that ran is missed when it is gone."""

    stats = None

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield 1 or 0 by service."""
        if not cycle.units or not is_managed(cycle.host):
            raise NoData("no services are to be watched, or systemd does not run this machine")
        running = running_units(cycle.host, cycle.units)
        self._seen |= running
        for unit in sorted(self._seen | enabled_units(cycle.host, cycle.units)):
            yield ACTIVE.sample(int(unit in running), unit)
