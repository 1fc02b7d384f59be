"""Events of each guest, as the listener counted them since the agent started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_events import BY_KIND, LISTENING, LOST, RECEIVED
from argus.catalogue.model import Row
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


METRICS = tuple(BY_KIND.values())
NONE_YET = tuple(0 if metric.shown else None for metric in METRICS)
"""The others begin with their first event: fewer series."""


class GuestEvents:
    """A guest without bad events has zeros: the listener would have counted them."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield counters by guest and for the node."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        events = cycle.libvirt.events
        if events is None:
            yield LISTENING.sample(0)
            return
        yield LISTENING.sample(int(events.listening))
        yield RECEIVED.sample(events.received)
        yield LOST.sample(events.lost)
        for guest in cycle.libvirt.guests:
            counts = events.counts.get(guest.uuid)
            values = tuple(map(counts.get, BY_KIND, NONE_YET)) if counts else NONE_YET
            yield Row(METRICS, values, (guest.uuid,))
