"""Limits, set-up and errors of each guest's disks, from the cached domain XML and the BLOCK group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_disk_limit import BURSTS, CACHE, ERROR, IO, LIMITS, OVERLAYS, USED
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.cycle import Deltas, Growth, NoData
from argus_agent.derived import Derived, largest, quotient
from argus_agent.disk_limits import WORDS, Limit, buckets, limits_of
from argus_agent.guests import BLOCKED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from argus_agent.cycle import Cycle
    from argus_agent.guests import Disk, Guest


SETTABLE = {word: metric for word, (metric, _) in LIMITS.items()} | BURSTS
METRICS = (*SETTABLE.values(), CACHE, IO, OVERLAYS, USED, ERROR)
LATE_SECONDS = 5.0
"""By which a reading may be off: libvirt asks one guest after the other, and one time is known for all."""
_NO_LIMITS = (None,) * len(SETTABLE)
_NOT_KNOWN = (*_NO_LIMITS, None, None, None)


class GuestDiskLimit:
    """Keeps the last counters of each limited disk, to say how much of the limit it used."""

    stats = ("BLOCK",)

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._surplus: dict[Hashable, float] = {}  # of a counter, by which it grew more than it may
        self._new_surplus: dict[Hashable, float] = {}

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield limits and the share of the tightest one that was used."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn(cycle)
        if not cycle.for_events:
            self._surplus, self._new_surplus = self._new_surplus, {}
        for guest in cycle.libvirt.guests:
            disks = guest.definition.disks if guest.definition else {}
            errors = _errors(guest, cycle)
            entries = guest.entries("block")
            used = self._used(guest, entries, cycle) if _is_limited(disks.values()) else {}
            for _, name in entries:
                disk = disks.get(name)
                set_up = _set_up(disk) if disk else _NOT_KNOWN
                error = None if errors is None else errors.get(name, 0)
                values = (*set_up, used.get(name), error)
                if is_known(values):
                    yield Row(METRICS, values, (guest.uuid, name))

    def _used(
        self, guest: Guest, entries: Iterable[tuple[int, str]], cycle: Cycle
    ) -> dict[str, Derived | None]:
        """How much of its tightest limit each disk used, by target; of a shared one, with the others."""
        assert guest.definition is not None, "it has disks with limits"
        at = cycle.libvirt.at if guest.read_at is None else guest.read_at
        blocks = {name: (number, name) for number, name in entries}
        shares: dict[str, list[Derived | None]] = {}
        for bucket in buckets(guest.definition, blocks):
            for limit in limits_of(bucket):
                taken = [self._taken(guest, blocks[disk], limit, at) for disk in bucket.disks]
                share = _share(limit, taken)
                if share is not None and f"{limit.word}_max" not in bucket.limits:
                    share = self._within((guest.uuid, guest.running_id, limit), limit, share)
                for disk in bucket.disks:
                    shares.setdefault(disk, []).append(share)
        return {disk: largest(each) for disk, each in shares.items()}

    def _taken(self, guest: Guest, block: tuple[int, str], limit: Limit, at: float) -> Growth | None:
        """What a disk took from a bucket since the last cycle; ``None`` when that is not known.

        With a size, at least so much: of requests in all and bytes in all it is not known which were large.
        """
        directions, counter = WORDS[limit.word]
        # All are read in each cycle, so that they grow over the same time.
        grown = [self._grown(guest, block, f"{each}.{counter}", limit, at) for each in directions]
        if counter == "reqs" and limit.size:
            moved = [self._grown(guest, block, f"{each}.bytes", limit, at) for each in directions]
            grown = [_weighed(*both, limit.size) for both in zip(grown, moved, strict=True)]
        known = [each for each in grown if each is not None]
        return Growth(sum(each.by for each in known), *known[0][1:]) if len(known) == len(grown) else None

    def _grown(
        self, guest: Guest, block: tuple[int, str], counter: str, limit: Limit, at: float
    ) -> Growth | None:
        """Growth of a counter of a disk while the image and the limit were the same."""
        number, name = block
        key = (guest.uuid, guest.running_id, name, guest.image(number), counter, limit)
        return self._deltas.grown(key, guest.number(f"block.{number}.{counter}"), at)

    def _within(self, key: Hashable, limit: Limit, share: Derived) -> Derived:
        """Return what of it can be; what is beyond the limit is of the next interval.

        QEMU lets nothing pass a limit without bursts, so that the counter was read later than is known.
        """
        (part,) = share.parts
        grown = part.numerator + self._surplus.get(key, 0.0)
        if grown > part.denominator:
            self._new_surplus[key] = min(grown - part.denominator, LATE_SECONDS * limit.most)
        return Derived((part._replace(numerator=min(grown, part.denominator)),))


def _weighed(requests: Growth | None, moved: Growth | None, size: int) -> Growth | None:
    """Requests as QEMU counts them where large ones count as several."""
    if requests is None or not requests.by:
        return requests
    return None if moved is None else requests._replace(by=max(requests.by, moved.by / size))


def _is_limited(disks: Iterable[Disk]) -> bool:
    return any(disk.limits or disk.filters for disk in disks)


def _share(limit: Limit, taken: Sequence[Growth | None]) -> Derived | None:
    """Of a bucket; ``None`` when a member is not known, or was not read as long as the others."""
    known = [each for each in taken if each is not None]
    if len(known) < len(taken) or len({each.seconds for each in known}) != 1:
        return None
    return quotient((limit.bucket, limit.word), sum(each.by for each in known), known[0].seconds * limit.most)


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
