"""Disks of each guest, from the BLOCK group; a mean latency is derived from times and operations."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_disk
from argus_agent.cycle import Deltas, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Metric, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

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
LATENCIES = {
    "rd": guest_disk.READ_LATENCY,
    "wr": guest_disk.WRITE_LATENCY,
    "fl": guest_disk.FLUSH_LATENCY,
}


class GuestDisk:
    """Keeps the last times and operations of each disk."""

    stats = ("BLOCK",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the numbers of each disk, named by its target device."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        slowest = []
        for guest in cycle.libvirt.guests:
            for number, disk in guest.entries("block"):
                yield from _disk(guest, number, disk)
                for sample in self._waits(guest, number, disk):
                    slowest.append(float(sample.value))
                    yield sample
                yield from _texts(guest, number, disk)
        if slowest:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.DISK_LATENCY_MAX.sample(max(slowest))

    def _waits(self, guest: Guest, number: int, disk: str) -> Iterator[Sample]:
        for times, reqs, metric in _latencies(number):
            series = (guest.uuid, guest.running_id, disk)
            spent = self._deltas.grown((times, series), guest.number(times, NANOSECONDS))
            done = self._deltas.grown((reqs, series), guest.number(reqs))
            if spent is not None and done:
                yield metric.sample(spent / done, guest.uuid, disk)


def _disk(guest: Guest, number: int, disk: str) -> Iterator[Sample]:
    for key, metric, scale in _numbers(number):
        value = guest.number(key, scale)
        if value is not None:
            yield metric.sample(value, guest.uuid, disk)


def _texts(guest: Guest, number: int, disk: str) -> Iterator[Sample]:
    path = guest.stats.get(f"block.{number}.path")
    if path:
        yield guest_disk.SOURCE.sample(str(path), guest.uuid, disk)
    definition = guest.definition.disks.get(disk) if guest.definition else None
    if definition and definition.serial:
        yield guest_disk.SERIAL.sample(definition.serial, guest.uuid, disk)


@functools.cache
def _numbers(number: int) -> tuple[tuple[str, Metric, float], ...]:
    """Keys of a disk, of which a node has thousands by a few numbers."""
    return tuple((f"block.{number}.{key}", metric, scale) for key, (metric, scale) in NUMBERS.items())


@functools.cache
def _latencies(number: int) -> tuple[tuple[str, str, Metric], ...]:
    prefix = f"block.{number}."
    return tuple((f"{prefix}{k}.times", f"{prefix}{k}.reqs", metric) for k, metric in LATENCIES.items())
