"""Limits, set-up and errors of each guest's disks, from the cached domain XML and the BLOCK group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_disk_limit import BURSTS, CACHE, ERROR, IO, LIMITS, OVERLAYS, USED
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.cycle import Deltas, NoData
from argus_agent.derived import largest, quotient
from argus_agent.guests import BLOCKED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus_agent.cycle import Cycle
    from argus_agent.derived import Derived
    from argus_agent.guests import Disk, Guest


SETTABLE = {word: metric for word, (metric, _) in LIMITS.items()} | BURSTS
METRICS = (*SETTABLE.values(), CACHE, IO, OVERLAYS, USED, ERROR)
_NO_LIMITS = (None,) * len(SETTABLE)
_NOT_KNOWN = (*_NO_LIMITS, None, None, None)


class GuestDiskLimit:
    """Keeps the last counters of each limited disk, to say how much of the limit it used."""

    stats = ("BLOCK",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield limits and the share of the tightest one that was used."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn(cycle)
        for guest in cycle.libvirt.guests:
            disks = guest.definition.disks if guest.definition else {}
            errors = _errors(guest, cycle)
            for number, name in guest.entries("block"):
                disk = disks.get(name)
                set_up = _set_up(disk) if disk else _NOT_KNOWN
                used = self._used(cycle, guest, number, disk) if disk and disk.limits else None
                error = None if errors is None else errors.get(name, 0)
                values = (*set_up, used, error)
                if is_known(values):
                    yield Row(METRICS, values, (guest.uuid, name))

    def _used(self, cycle: Cycle, guest: Guest, number: int, disk: Disk) -> Derived | None:
        shares = []
        at = cycle.libvirt.at if guest.read_at is None else guest.read_at
        for word, limit in disk.limits.items():
            if word not in LIMITS:  # of bursts
                continue
            counters = LIMITS[word][1]
            values = [guest.number(f"block.{number}.{counter}") for counter in counters]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                continue
            grown = self._deltas.grown((guest.uuid, guest.running_id, number, word), sum(known), at)
            if grown is not None:
                shares.append(quotient(word, grown.by, grown.seconds * limit))
        return largest(shares)


def _set_up(disk: Disk) -> tuple[float | str | None, ...]:
    limits = map(disk.limits.get, SETTABLE) if disk.limits else _NO_LIMITS
    return (*limits, disk.cache or None, disk.io or None, disk.overlays)


def _errors(guest: Guest, cycle: Cycle) -> Mapping[str, int] | None:
    """Errors by disk, those without being left out; ``None`` when they are not known."""
    detail = cycle.libvirt.details.get(guest.uuid)
    told = detail.disk_errors if detail else None
    if told is None and guest.state not in (RUNNING, BLOCKED):
        return None
    return told or {}
