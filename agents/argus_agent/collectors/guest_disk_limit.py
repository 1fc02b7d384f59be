"""Limits, set-up and errors of each guest's disks, from the cached domain XML and the BLOCK group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_disk_limit import BURSTS, CACHE, ERROR, IO, LIMITS, OVERLAYS, USED
from argus_agent.cycle import Deltas, NoData
from argus_agent.guests import BLOCKED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Disk, Guest


class GuestDiskLimit:
    """Keeps the last counters of each limited disk, to say how much of the limit it used."""

    stats = ("BLOCK",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield limits and the share of the tightest one that was used."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.libvirt.at)
        for guest in cycle.libvirt.guests:
            yield from _errors(guest, cycle)
            disks = guest.definition.disks if guest.definition else {}
            for number, name in guest.entries("block"):
                if name in disks:
                    yield from _set_up(disks[name], guest.uuid, name)
                    used = self._used(guest, number, disks[name], elapsed)
                    if used is not None:
                        yield USED.sample(used, guest.uuid, name)

    def _used(self, guest: Guest, number: int, disk: Disk, elapsed: float | None) -> float | None:
        shares = []
        for word, limit in disk.limits.items():
            if word not in LIMITS:  # of bursts
                continue
            counters = LIMITS[word][1]
            values = [guest.number(f"block.{number}.{counter}") for counter in counters]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                continue
            grown = self._deltas.grown((guest.uuid, guest.running_id, number, word), sum(known))
            if grown is not None and elapsed:
                shares.append(grown / elapsed / limit)
        return max(shares, default=None)


def _set_up(disk: Disk, uuid: str, name: str) -> Iterator[Sample]:
    for word, limit in disk.limits.items():
        metric = LIMITS[word][0] if word in LIMITS else BURSTS.get(word)
        if metric is not None:
            yield metric.sample(limit, uuid, name)
    if disk.cache:
        yield CACHE.sample(disk.cache, uuid, name)
    if disk.io:
        yield IO.sample(disk.io, uuid, name)
    yield OVERLAYS.sample(disk.overlays, uuid, name)


def _errors(guest: Guest, cycle: Cycle) -> Iterator[Sample]:
    detail = cycle.libvirt.details.get(guest.uuid)
    told = detail.disk_errors if detail else None
    if told is None and guest.state not in (RUNNING, BLOCKED):
        return
    for _, name in guest.entries("block"):
        yield ERROR.sample((told or {}).get(name, 0), guest.uuid, name)
