"""What a collector is, and what it may look at in one cycle."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from argus_agent.guests import NOT_ASKED, LibvirtView
from argus_agent.kernel.topology import read_topology
from argus_agent.page_walks import PageWalks
from argus_agent.storage import EVERYTHING, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from argus.catalogue.model import Row, Sample
    from argus_agent.audit.profile import Profile
    from argus_agent.host import Host
    from argus_agent.kept import Kept
    from argus_agent.kernel.guests import GuestProcess
    from argus_agent.kernel.topology import KnownTopology, Topology


class NoData(Exception):  # noqa: N818 -- not an error: the node just lacks the subsystem
    """The node has nothing to tell about this subsystem, which is fine; the message says why."""


class Unreadable(Exception):  # noqa: N818 -- beside NoData: the other reason for having nothing
    """What is there cannot be read, such as for want of rights; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """How much of the node guests may have; ratios as Nova's and Placement's."""

    reserved_cpus: frozenset[int] = frozenset()
    reserved_memory_bytes: int = 512 * 1024 * 1024
    cpu_ratio: float = 4.0
    ram_ratio: float = 1.0
    dedicated_cpus: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the way to Zabbix fares, in documents; counters since the agent started."""

    waiting: int = 0
    dropped: int = 0
    sent: int = 0
    refused: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Cycle:
    """One round of collecting.

    ``at`` is seconds since the epoch; without Zabbix there is no ``delivery``.  ``running()`` gives the
    guests as the kernel sees them, read once a cycle, raises ``NoData`` where libvirt records none and
    ``Unreadable`` where it does and this user may not look.
    ``units`` are patterns of services to watch; ``profile`` is the tuning to compare with,
    ``storage`` which file systems and disks are measured.  ``topology()``
    reads the node's CPUs and NUMA nodes, or gives those of the last minutes.

    ``for_events``: a cycle between two ticks for the sake of the guests in ``only``, the others being neither
    in ``libvirt`` nor in ``running()``.  It renews nothing that has turns, and no sum over guests is told in
    it.  ``unread`` takes the guests, by UUID, of which the collector could not read something, and why;
    ``unread_files`` the files of the node.  ``begun`` is ``at`` on the monotonic clock.  ``walks`` reads what
    makes the kernel walk page tables, beside the cycle; without it that is read at once.
    """

    host: Host
    at: float
    libvirt: LibvirtView = NOT_ASKED
    allocation: Allocation = Allocation()
    delivery: Delivery | None = None
    running: Callable[[], tuple[GuestProcess, ...]] = tuple
    units: tuple[str, ...] = ()
    profile: Profile | None = None
    storage: Storage = EVERYTHING
    for_events: bool = False
    unread: dict[str, str] = field(default_factory=dict)
    unread_files: dict[str, str] = field(default_factory=dict)
    known_topology: KnownTopology | None = None
    begun: float | None = None
    walks: PageWalks | None = None
    only: frozenset[str] = frozenset()

    def walked(self, process: GuestProcess, file: str) -> Kept[Any] | None:
        """Return what numa_maps or smaps_rollup said last, ``None`` while that is not known."""
        walks = self.walks or PageWalks(self.host, sys.maxsize, thread=False)
        kept = walks.of(process, file)
        if self.walks is None:  # a cycle of its own, which no guest has to wait for
            walks.step()
            kept = walks.of(process, file)
        if kept is not None and kept.trouble:
            self.unread[process.guest.uuid] = kept.trouble
        return kept

    def when(self, monotonic: float) -> float | None:
        """Return the seconds since the epoch of a time on the monotonic clock; ``None`` without ``begun``."""
        return None if self.begun is None else round(self.at - self.begun + monotonic, 3)

    def topology(self) -> Topology:
        """Return the topology.  Raises ``FileNotFoundError`` when sysfs has no CPUs at all."""
        if self.known_topology is None:
            topology = read_topology(self.host.sysfs)
        else:
            topology = self.known_topology.get(self.host.sysfs, self.host.monotonic())
        self.unread_files.update(topology.unread)
        return topology


class Collector(Protocol):
    """One subsystem.  Three outcomes: samples, ``NoData``, or any other exception, which is an error."""

    @property
    def stats(self) -> tuple[str, ...] | None:
        """Groups of virDomainStatsTypes to ask libvirt for; ``None``: it works without libvirt."""

    def collect(self, cycle: Cycle) -> Iterable[Sample | Row]:
        """Yield the samples of one cycle, as rows where there are many of a kind."""


GAP_SECONDS = 3600.0
"""A counter that was not read for longer is forgotten; when it is read sooner, its growth covers the gap."""
MAX_MISSING = 10_000
"""Counters remembered beyond those that were read just now; of more, the longest unread are forgotten."""
LOOK_SECONDS = 60.0


class Growth(NamedTuple):
    """By how much a counter grew, in how many seconds, and since which tick (``host.monotonic()``)."""

    by: float
    seconds: float
    since: float


class Deltas:
    """Growth of counters from tick to tick, for the few values that need two counters at once.

    A cycle for events reads and keeps nothing here: what is derived is of the time between two ticks.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[float, float, float]] = {}  # value, its time, the tick's
        self._rows: dict[Hashable, tuple[Sequence[float | None], float]] = {}  # values, the tick's time
        self._tick = 0.0
        self._looked = -math.inf
        self._idle = False

    def turn(self, cycle: Cycle) -> None:
        """Begin a cycle."""
        self._idle = cycle.for_events
        if self._idle:
            return
        self._tick = cycle.host.monotonic()
        if self._tick - self._looked >= LOOK_SECONDS:
            self._looked = self._tick
            self._known = _not_too_old(self._known, self._tick)
            self._rows = _not_too_old(self._rows, self._tick)

    def grown(self, key: Hashable, value: float | None, at: float | None = None) -> Growth | None:
        """Return how much the counter grew since it was read last, though that be some ticks ago.

        ``at`` is when it was read, on any clock of the caller's that does not step; by default at the tick.
        ``None`` at first sight, when unknown, after it was reset, and between ticks.
        """
        if value is None or self._idle:
            return None
        before = self._known.get(key)
        at = self._tick if at is None else at
        self._known[key] = (value, at, self._tick)
        if before is None or value < before[0]:
            return None
        return Growth(value - before[0], at - before[1], before[2])

    def all_grown(self, key: Hashable, values: Sequence[float | None]) -> Sequence[float | None]:
        """Return how much each of many counters grew, which always come in the same order."""
        nothing = (None,) * len(values)
        if self._idle:
            return nothing
        before = self._rows.get(key)
        if before is None:
            self._rows[key] = (values, self._tick)
            return nothing
        if values == before[0] and None not in values:  # most disks do nothing most of the time
            self._rows[key] = (before[0], self._tick)
            return (0,) * len(values)
        pairs = list(zip(values, before[0], strict=True))
        if None in values:  # what is missing this time grows from where it was
            values = [old if new is None else new for new, old in pairs]
        self._rows[key] = (values, self._tick)
        return [None if v is None or o is None or v < o else v - o for v, o in pairs]


_T = TypeVar("_T", bound="tuple[Any, ...]")


def _not_too_old(known: dict[Hashable, _T], now: float) -> dict[Hashable, _T]:
    """Leave out what was not read for long; the last of each tuple is the time of its tick."""
    kept = {key: each for key, each in known.items() if now - each[-1] <= GAP_SECONDS}
    newest = max((each[-1] for each in kept.values()), default=0.0)
    missing = sorted((each[-1], n) for n, each in enumerate(kept.values()) if each[-1] < newest)
    if len(missing) <= MAX_MISSING:
        return kept
    dropped = {n for _, n in missing[: len(missing) - MAX_MISSING]}
    return {key: each for n, (key, each) in enumerate(kept.items()) if n not in dropped}
