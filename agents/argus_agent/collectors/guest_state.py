"""State of each guest and the reason for it, from the STATE group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_state
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest


METRICS = (guest_state.STATE, guest_state.REASON, guest_state.HELD, guest_state.AGENT, guest_state.ANSWERS)


class GuestState:
    """Guests that are off are told as well: that is what the trigger is about."""

    stats = ("STATE",)

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield the state, its reason and how long it holds, by guest."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        before, self._since = self._since, dict(self._since) if cycle.for_events else {}
        for guest in cycle.libvirt.guests:
            held: tuple[float | None, ...] = (None, None, None)
            if "state.state" in guest.stats:
                code = guest_state.reason_code(guest.state, guest.reason)
                last, since = before.get(guest.uuid, (code, cycle.libvirt.at))
                self._since[guest.uuid] = (code, since if last == code else cycle.libvirt.at)
                held = (guest.state, code, cycle.libvirt.at - self._since[guest.uuid][1])
            connected = guest.definition.agent_connected if guest.active and guest.definition else None
            values = (*held, None if connected is None else int(connected), _answers(guest, cycle))
            if is_known(values):
                yield Row(METRICS, values, (guest.uuid,))


def _answers(guest: Guest, cycle: Cycle) -> int | None:
    """Whether its QEMU answers; between ticks not all are asked."""
    if not guest.active or cycle.libvirt.unresponsive is None or cycle.for_events:
        return None
    return int(guest.uuid not in cycle.libvirt.hung)
