"""What a collector is, and what it may look at in one cycle."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from argus_agent.guests import NOT_ASKED, LibvirtView
from argus_agent.kernel.topology import read_topology
from argus_agent.page_walks import PageWalks

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
    ``units`` are patterns of services to watch; ``profile`` is the tuning to compare with.  ``topology()``
    reads the node's CPUs and NUMA nodes, or gives those of the last minutes.

    ``for_events``: a cycle between two ticks, which renews nothing that has turns.  ``unread`` takes the
    guests, by UUID, of which the collector could not read something, and why; ``unread_files`` the files of
    the node.  ``begun`` is ``at`` on the monotonic clock.  ``walks`` reads what makes the kernel walk page
    tables, beside the cycle; without it that is read at once.
    """

    host: Host
    at: float
    libvirt: LibvirtView = NOT_ASKED
    allocation: Allocation = Allocation()
    delivery: Delivery | None = None
    running: Callable[[], tuple[GuestProcess, ...]] = tuple
    units: tuple[str, ...] = ()
    profile: Profile | None = None
    for_events: bool = False
    unread: dict[str, str] = field(default_factory=dict)
    unread_files: dict[str, str] = field(default_factory=dict)
    known_topology: KnownTopology | None = None
    begun: float | None = None
    walks: PageWalks | None = None

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


class Deltas:
    """Growth of counters since the last cycle, for the few values that need two counters at once."""

    def __init__(self) -> None:
        self._old: dict[Hashable, float] = {}
        self._new: dict[Hashable, float] = {}
        self._old_rows: dict[Hashable, Sequence[float | None]] = {}
        self._new_rows: dict[Hashable, Sequence[float | None]] = {}

    def turn(self) -> None:
        """Begin a cycle; what was not seen in the last one is forgotten."""
        self._old, self._new = self._new, {}
        self._old_rows, self._new_rows = self._new_rows, {}

    def grown(self, key: Hashable, value: float | None) -> float | None:
        """Return how much the counter grew; ``None`` at first sight, when unknown, or after it was reset."""
        if value is None:
            return None
        self._new[key] = value
        old = self._old.get(key)
        return None if old is None or value < old else value - old

    def all_grown(self, key: Hashable, values: Sequence[float | None]) -> Sequence[float | None]:
        """Return how much each of many counters grew, which always come in the same order."""
        self._new_rows[key] = values
        old = self._old_rows.get(key)
        if old is None:
            return (None,) * len(values)
        pairs = zip(values, old, strict=True)
        return [None if v is None or o is None or v < o else v - o for v, o in pairs]
