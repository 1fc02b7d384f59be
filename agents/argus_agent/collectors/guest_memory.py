"""Memory of each guest, from the BALLOON group; what its balloon driver said only as long as it is fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_memory
from argus.catalogue.model import Row
from argus_agent.columns import Columns, is_known
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

KIB = 1024
BY_NODE = {
    "maximum": (guest_memory.MAXIMUM, KIB),
    "current": (guest_memory.CURRENT, KIB),
    "rss": (guest_memory.RSS, KIB),
}
BY_GUEST = {
    "available": (guest_memory.AVAILABLE, KIB),
    "usable": (guest_memory.USABLE, KIB),
    "unused": (guest_memory.UNUSED, KIB),
    "disk_caches": (guest_memory.CACHES, KIB),
    "swap_in": (guest_memory.SWAP_IN, KIB),
    "swap_out": (guest_memory.SWAP_OUT, KIB),
    "major_fault": (guest_memory.MAJOR_FAULTS, 1),
    "minor_fault": (guest_memory.MINOR_FAULTS, 1),
    "hugetlb_pgalloc": (guest_memory.HUGE_ALLOCATED, 1),
    "hugetlb_pgfail": (guest_memory.HUGE_FAILED, 1),
}
NODE, GUEST = Columns(BY_NODE), Columns(BY_GUEST)
METRICS = (*NODE.metrics, guest_memory.AGE, *GUEST.metrics, guest_memory.USED)
_SILENT = (None,) * (len(GUEST.metrics) + 1)
FRESH_SECONDS = 60
CLOCK_SLACK = 5
"""A report is fresh this long, or three of the guest's periods; after that the driver is taken for silent."""


class GuestMemory:
    """Never a number that the guest gave long ago."""

    stats = ("BALLOON",)

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield sizes in bytes."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        for guest in cycle.libvirt.guests:
            age = _age(guest, cycle.at)
            period = guest.definition.balloon_period if guest.definition else 0
            fresh = age is not None and age <= max(FRESH_SECONDS, 3 * period)
            told = (*GUEST.read(guest, "balloon."), _used(guest)) if fresh else _SILENT
            values = (*NODE.read(guest, "balloon."), age, *told)
            if is_known(values):
                yield Row(METRICS, values, (guest.uuid,))


def _age(guest: Guest, now: float) -> float | None:
    """Seconds since the driver reported; ``None`` when it never did, or the clock stepped back since.

    QEMU counts in whole seconds, of its own clock.
    """
    updated = guest.number("balloon.last-update")
    if not updated or not guest.active or updated > now + CLOCK_SLACK:
        return None
    return max(0.0, now - updated)


def _used(guest: Guest) -> float | None:
    available, usable = guest.number("balloon.available"), guest.number("balloon.usable")
    return max(0.0, 1 - usable / available) if available and usable is not None else None
