"""What of the node is given to guests, from libvirt's list of them and the configured ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus_agent.cycle import NoData
from argus_agent.guests import BLOCKED, CRASHED, PAUSED, RUNNING, SHUTOFF, Guest
from argus_agent.kernel.process import parse_kilobytes, parse_status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

COUNTS = {
    allocation.RUNNING: (RUNNING, BLOCKED),
    allocation.PAUSED: (PAUSED,),
    allocation.SHUTOFF: (SHUTOFF, CRASHED),
}


KEYS = ("state.state", "vcpu.current", "balloon.maximum", "balloon.current")


class AllocationOfNode:
    """Sums over guests; a sum that lacks one of them is not given at all.

    Between two ticks only the guests that had events are asked for, and the others are as they were.
    """

    stats = ("STATE", "VCPU", "BALLOON")

    def __init__(self) -> None:
        self._known: tuple[Guest, ...] | None = None  # with no more of their statistics than KEYS

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counts, sums, and what is left as Placement computes it."""
        guests = self._guests(cycle)
        yield allocation.GUESTS.sample(len(guests))
        yield allocation.GUEST_UUIDS.sample(" ".join(sorted(guest.uuid for guest in guests)))
        for metric, states in COUNTS.items():
            yield metric.sample(sum(guest.state in states for guest in guests))
        yield from _vcpus(cycle, guests)
        yield from _memory(cycle, guests)

    def _guests(self, cycle: Cycle) -> Collection[Guest]:
        told = cycle.libvirt.guests
        if not cycle.for_events:
            self._known = None if told is None else tuple(map(_trimmed, told))
        elif self._known is not None and told is not None and cycle.libvirt.complete:
            others = (guest for guest in self._known if guest.uuid not in cycle.only)
            self._known = (*others, *map(_trimmed, told))
        if told is None or self._known is None:
            raise NoData("libvirt does not answer: guests are not known")
        return self._known


def _trimmed(guest: Guest) -> Guest:
    stats = {key: guest.stats[key] for key in KEYS if key in guest.stats}
    return Guest(guest.uuid, guest.name, guest.running_id, stats, read_at=guest.read_at)


def _vcpus(cycle: Cycle, guests: Iterable[Guest]) -> Iterator[Sample]:
    usable = len(cycle.host.online_cpus() - cycle.allocation.reserved_cpus)
    yield allocation.CPUS_USABLE.sample(usable)
    allocated, claimed = _sums(guests, "vcpu.current")
    if allocated is not None:
        yield allocation.VCPUS.sample(allocated)
        if usable:
            yield allocation.VCPU_RATIO.sample(allocated / usable)
    if claimed is not None:
        yield allocation.VCPUS_CLAIMED.sample(claimed)
        yield allocation.VCPUS_FREE.sample(int(usable * cycle.allocation.cpu_ratio) - claimed)


def _memory(cycle: Cycle, guests: Iterable[Guest]) -> Iterator[Sample]:
    total = parse_kilobytes(parse_status(cycle.host.read_proc("meminfo"))["MemTotal"])
    given = total - cycle.allocation.reserved_memory_bytes
    allocated, claimed = _sums(guests, "balloon.maximum", 1024)
    if allocated is not None:
        yield allocation.MEMORY.sample(allocated)
        if given > 0:
            yield allocation.MEMORY_RATIO.sample(allocated / given)
    current, _ = _sums(guests, "balloon.current", 1024)
    if allocated is not None and current is not None:
        yield allocation.BALLOONED.sample(max(0, allocated - current))
    if claimed is not None:
        yield allocation.MEMORY_CLAIMED.sample(claimed)
        yield allocation.MEMORY_FREE.sample(int(given * cycle.allocation.ram_ratio) - claimed)


def _sums(guests: Iterable[Guest], key: str, scale: float = 1) -> tuple[float | None, float | None]:
    """Return the sum over active guests and over all; ``None`` where a guest did not tell."""
    values = [(guest.active, guest.number(key, scale)) for guest in guests]
    active = [value for is_active, value in values if is_active]
    return _sum(active), _sum([value for _, value in values])


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
