"""Memory of each guest, from the BALLOON group; what its balloon driver said only as long as it is fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_memory
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Metric, Sample
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
FRESH_SECONDS = 60
CLOCK_SLACK = 5
"""A report is fresh this long, or three of the guest's periods; after that the driver is taken for silent."""


class GuestMemory:
    """Never a number that the guest gave long ago."""

    stats = ("BALLOON",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield sizes in bytes."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        for guest in cycle.libvirt.guests:
            yield from _numbers(guest, BY_NODE)
            age = _age(guest, cycle.at)
            if age is None:
                continue
            yield guest_memory.AGE.sample(age, guest.uuid)
            period = guest.definition.balloon_period if guest.definition else 0
            if age <= max(FRESH_SECONDS, 3 * period):
                yield from _numbers(guest, BY_GUEST)
                yield from _used(guest)


def _numbers(guest: Guest, metrics: dict[str, tuple[Metric, int]]) -> Iterator[Sample]:
    for key, (metric, scale) in metrics.items():
        value = guest.number(f"balloon.{key}", scale)
        if value is not None:
            yield metric.sample(value, guest.uuid)


def _age(guest: Guest, now: float) -> float | None:
    """Seconds since the driver reported; ``None`` when it never did, or the clock stepped back since.

    QEMU counts in whole seconds, of its own clock.
    """
    updated = guest.number("balloon.last-update")
    if not updated or not guest.active or updated > now + CLOCK_SLACK:
        return None
    return max(0.0, now - updated)


def _used(guest: Guest) -> Iterator[Sample]:
    available, usable = guest.number("balloon.available"), guest.number("balloon.usable")
    if available and usable is not None:
        yield guest_memory.USED.sample(max(0.0, 1 - usable / available), guest.uuid)
