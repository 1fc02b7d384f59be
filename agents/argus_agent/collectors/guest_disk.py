"""Disks of each guest, from the BLOCK group; a mean latency is derived from times and operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_disk
from argus.catalogue.model import Row
from argus_agent.columns import Columns, is_known
from argus_agent.cycle import Deltas, NoData
from argus_agent.derived import largest, quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.derived import Derived

NANOSECONDS = 1e-9
NUMBERS = {
    "rd.reqs": (guest_disk.READ_OPS, 1),
    "wr.reqs": (guest_disk.WRITE_OPS, 1),
    "fl.reqs": (guest_disk.FLUSH_OPS, 1),
    "rd.bytes": (guest_disk.READ_BYTES, 1),
    "wr.bytes": (guest_disk.WRITE_BYTES, 1),
    "rd.times": (guest_disk.READ_TIME, NANOSECONDS),
    "wr.times": (guest_disk.WRITE_TIME, NANOSECONDS),
    "fl.times": (guest_disk.FLUSH_TIME, NANOSECONDS),
    "capacity": (guest_disk.CAPACITY, 1),
    "allocation": (guest_disk.ALLOCATION, 1),
    "physical": (guest_disk.PHYSICAL, 1),
}
DISK = Columns(NUMBERS)
FROM_XML = (guest_disk.SOURCE, guest_disk.SERIAL)
LATENCIES = {
    "rd": guest_disk.READ_LATENCY,
    "wr": guest_disk.WRITE_LATENCY,
    "fl": guest_disk.FLUSH_LATENCY,
}
METRICS = (*DISK.metrics, *LATENCIES.values(), *FROM_XML)
TOTALS = {
    "rd.bytes": guest_disk.ALL_READ_BYTES,
    "wr.bytes": guest_disk.ALL_WRITE_BYTES,
    "rd.reqs": guest_disk.ALL_READ_OPS,
    "wr.reqs": guest_disk.ALL_WRITE_OPS,
}
OF_ALL = (*TOTALS.values(), guest_disk.SLOWEST)
_KEYS = tuple(NUMBERS)
_SUMMED = [_KEYS.index(key) for key in TOTALS]
_TIMES = [(_KEYS.index(f"{kind}.times"), _KEYS.index(f"{kind}.reqs")) for kind in LATENCIES]


class GuestDisk:
    """Keeps the last times and operations of each disk."""

    stats = ("BLOCK",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield the numbers of each disk, named by its target device."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn(cycle)
        slowest: list[Derived | None] = []
        for guest in cycle.libvirt.guests:
            every = []
            slow: list[Derived | None] = []
            disks = guest.definition.disks if guest.definition else {}
            for number, name in guest.entries("block"):
                numbers = DISK.read(guest, f"block.{number}.")
                grown = self._deltas.all_grown(
                    (guest.uuid, guest.running_id, name, guest.image(number)), numbers
                )
                path = guest.stats.get(f"block.{number}.path")
                serial = disks[name].serial if name in disks else ""
                texts = str(path) if path else None, serial or None
                waits = [_mean((guest.uuid, name, done), grown[times], grown[done]) for times, done in _TIMES]
                slow += waits
                every.append(numbers)
                values = (*numbers, *waits, *texts)
                if is_known(values):
                    yield Row(METRICS, values, (guest.uuid, name))
            together = (*(_sum(disk[index] for disk in every) for index in _SUMMED), largest(slow))
            if is_known(together):
                yield Row(OF_ALL, together, (guest.uuid,))
            slowest += slow
        most = largest(slowest)
        if most is not None:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.DISK_LATENCY_MAX.sample(most)


def _sum(numbers: Iterable[float | None]) -> float | None:
    """Add what is known: some kinds of disk (vhost-user) never have numbers."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _mean(of: tuple[str, str, int], spent: float | None, done: float | None) -> Derived | None:
    return quotient(of, spent, done) if spent is not None and done else None
