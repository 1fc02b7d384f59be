"""State of each guest and the reason for it, from the STATE group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_state
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class GuestState:
    """Guests that are off are told as well: that is what the trigger is about."""

    stats = ("STATE",)

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the state, its reason and how long it holds, by guest."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        before, self._since = self._since, {}
        for guest in cycle.libvirt.guests:
            if "state.state" in guest.stats:
                code = guest_state.reason_code(guest.state, guest.reason)
                last, since = before.get(guest.uuid, (code, cycle.libvirt.at))
                self._since[guest.uuid] = (code, since if last == code else cycle.libvirt.at)
                yield guest_state.STATE.sample(guest.state, guest.uuid)
                yield guest_state.REASON.sample(code, guest.uuid)
                yield guest_state.HELD.sample(cycle.libvirt.at - self._since[guest.uuid][1], guest.uuid)
            if guest.active and guest.definition and guest.definition.agent_connected is not None:
                yield guest_state.AGENT.sample(int(guest.definition.agent_connected), guest.uuid)
