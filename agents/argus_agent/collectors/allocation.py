"""What of the node is given to guests, from libvirt's list of them and the configured ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus_agent.allotted import Allotted, allot
from argus_agent.cycle import NoData, Unreadable
from argus_agent.guests import (
    BLOCKED,
    CRASHED,
    NOSTATE,
    PAUSED,
    PMSUSPENDED,
    RUNNING,
    SHUTDOWN,
    SHUTOFF,
)
from argus_agent.kernel.meminfo import parse_meminfo
from argus_agent.reading import read_parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Allocation, Cycle
    from argus_agent.guests import Guest
    from argus_agent.kernel.domain import Size

COUNTS = {
    allocation.RUNNING: (RUNNING, BLOCKED),
    allocation.PAUSED: (PAUSED,),
    allocation.SUSPENDED: (PMSUSPENDED,),
    allocation.SHUTTING_DOWN: (SHUTDOWN,),
    allocation.SHUTOFF: (SHUTOFF, CRASHED),
    allocation.STATE_UNKNOWN: (NOSTATE,),
}


class AllocationOfNode:
    """Sums over guests; a sum that lacks one of them is not given at all.

    A guest whose QEMU hangs counts with what is known of it.  Between two ticks only the guests that had
    events are asked for, and the others are as they were.
    """

    stats = ("STATE", "VCPU", "BALLOON")

    def __init__(self) -> None:
        self._known: tuple[Allotted, ...] = ()  # all guests, as of the last answer that had all
        self._is_known = False  # in the last tick

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counts, sums, and what is left as Placement computes it."""
        guests = self._guests(cycle)
        yield allocation.GUESTS.sample(len(guests))
        yield allocation.GUEST_UUIDS.sample(" ".join(sorted(guest.uuid for guest in guests)))
        for metric, states in COUNTS.items():
            yield metric.sample(sum(guest.state in states for guest in guests))
        yield from _vcpus(cycle, guests)
        yield from _memory(cycle, guests)

    def _guests(self, cycle: Cycle) -> Collection[Allotted]:
        told = cycle.libvirt.guests
        if not cycle.for_events:
            self._is_known = told is not None
        if told is None or not self._is_known:
            raise NoData("libvirt does not answer: guests are not known")
        if not cycle.for_events:
            self._known = self._allot(cycle, told)
        elif cycle.libvirt.complete:
            others = (known for known in self._known if known.uuid not in cycle.only)
            self._known = (*others, *self._allot(cycle, told))
        return self._known

    def _allot(self, cycle: Cycle, guests: Iterable[Guest]) -> tuple[Allotted, ...]:
        before = {known.uuid: known for known in self._known}
        recorded = _recorded(cycle)
        dedicated = cycle.allocation.dedicated_cpus
        return tuple(
            allot(guest, before.get(guest.uuid), recorded.get(guest.uuid), dedicated) for guest in guests
        )


def _recorded(cycle: Cycle) -> Mapping[str, Size]:
    """Sizes in libvirt's status files, by UUID of the guest."""
    try:
        return {process.guest.uuid: process.guest.size for process in cycle.running()}
    except (NoData, Unreadable, OSError):  # sizes are for guests that libvirt does not tell
        return {}


def _vcpus(cycle: Cycle, guests: Collection[Allotted]) -> Iterator[Sample]:
    shared = [_less(guest.vcpus, guest.dedicated) for guest in guests]
    allocated = _sum([guest.vcpus for guest in guests if guest.active])
    claimed = _sum(shared)
    if allocated is not None:
        yield allocation.VCPUS.sample(allocated)
    if claimed is not None:
        yield allocation.VCPUS_CLAIMED.sample(claimed)
    if cycle.allocation.dedicated_cpus:
        yield from _pcpus(cycle.allocation, guests)
    cpus = _cpus(cycle)
    if cpus is None:
        return
    online, present = cpus
    yield allocation.CPUS_USABLE.sample(online)
    floating = _sum([each for each, guest in zip(shared, guests, strict=True) if guest.active])
    if floating is not None and online:
        yield allocation.VCPU_RATIO.sample(floating / online)
    if claimed is not None:
        yield allocation.VCPUS_FREE.sample(int(present * cycle.allocation.cpu_ratio) - claimed)


def _cpus(cycle: Cycle) -> tuple[int, int] | None:
    """CPUs of guests that have none of their own: those online and all that there are, as Placement has them.

    ``None`` where sysfs has no CPUs: which ones are offline cannot be told from those that are online.
    """
    try:
        topology = cycle.topology()
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            cycle.unread_files[str(cycle.host.sysfs / "devices/system/cpu")] = str(error)
        return None
    others = cycle.allocation.reserved_cpus | cycle.allocation.dedicated_cpus
    online = topology.cpus.keys() - others
    return len(online), len(online | (topology.offline - others))


def _pcpus(limits: Allocation, guests: Iterable[Allotted]) -> Iterator[Sample]:
    """As Placement's PCPU: a CPU of the dedicated set is one also while Nova lets it sleep."""
    total = len(limits.dedicated_cpus)
    yield allocation.PCPUS.sample(total)
    claimed = _sum([_more(guest.dedicated, guest.emulator) for guest in guests])
    if claimed is not None:
        yield allocation.PCPUS_CLAIMED.sample(claimed)
        yield allocation.PCPUS_FREE.sample(total - claimed)


def _memory(cycle: Cycle, guests: Collection[Allotted]) -> Iterator[Sample]:
    total = (read_parsed(cycle, cycle.host.procfs / "meminfo", parse_meminfo) or {}).get("MemTotal")
    given = None if total is None else total - cycle.allocation.reserved_memory_bytes
    allocated = _sum([guest.maximum for guest in guests if guest.active])
    current = _sum([guest.current for guest in guests if guest.active])
    claimed = _sum([guest.maximum for guest in guests])
    if allocated is not None:
        yield allocation.MEMORY.sample(allocated)
        if given is not None and given > 0:
            yield allocation.MEMORY_RATIO.sample(allocated / given)
    if allocated is not None and current is not None:
        yield allocation.BALLOONED.sample(max(0, allocated - current))
    if claimed is not None:
        yield allocation.MEMORY_CLAIMED.sample(claimed)
        if given is not None:
            yield allocation.MEMORY_FREE.sample(int(given * cycle.allocation.ram_ratio) - claimed)


def _less(value: float | None, part: float | None) -> float | None:
    return None if value is None or part is None else value - part


def _more(value: float | None, part: float | None) -> float | None:
    return None if value is None or part is None else value + part


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
