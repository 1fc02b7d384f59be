"""Age of what is known of each guest by path, and its snapshots."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.guest_data import AGE, SNAPSHOTS
from argus_agent.cycle import NoData, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

FORGET_SECONDS = 3600.0
LIBVIRT, KERNEL = "libvirt", "kernel"


class GuestData:
    """Remembers when each guest was last seen on each path; on the monotonic clock, which never steps."""

    stats = ("STATE",)

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield ages, also while libvirtd does not answer: that is what they are for."""
        if cycle.for_events:
            raise NoData("ages are told at ticks, of all paths together")
        now = cycle.host.monotonic()
        for guest in cycle.libvirt.guests or ():
            if _is_full(guest):
                self._seen[guest.uuid, LIBVIRT] = cycle.libvirt.at if guest.read_at is None else guest.read_at
        with suppress(NoData, Unreadable):  # no status files of libvirt's that this agent sees: no such path
            self._seen |= {(process.guest.uuid, KERNEL): now for process in cycle.running()}
        self._forget(cycle, now)
        if cycle.libvirt.guests is None and not self._seen:
            raise NoData("libvirt does not answer: guests are not known")
        for (uuid, path), at in self._seen.items():
            yield AGE.sample(round(max(0.0, now - at), 3), uuid, path)
        slow = cycle.libvirt.slow
        for guest in cycle.libvirt.guests or ():  # what is told seldom may tell of guests that are gone
            if slow and guest.uuid in slow.snapshots:
                yield SNAPSHOTS.sample(slow.snapshots[guest.uuid], guest.uuid)._replace(
                    at=cycle.when(slow.when("snapshots"))
                )

    def _forget(self, cycle: Cycle, now: float) -> None:
        """Guests that libvirt no longer has are gone; while it is silent, they are kept for an hour."""
        guests = cycle.libvirt.guests
        if guests is not None:
            there = {
                (g.uuid, path) for g in guests for path in (LIBVIRT, KERNEL) if g.active or path == LIBVIRT
            }
            self._seen = {key: at for key, at in self._seen.items() if key in there}
        self._seen = {key: at for key, at in self._seen.items() if now - at < FORGET_SECONDS}


def _is_full(guest: Guest) -> bool:
    """Whether all was told, what only QEMU knows included; a guest that is off has nothing of that kind."""
    off = "state.state" in guest.stats and not guest.active
    return off or ("block.count" in guest.stats and not guest.passed_over)
