"""A fleet as capacity sees it at one moment: hosts, what they offer, who lives there; plain values.

Resource classes are Placement's: ``VCPU``, ``PCPU``, ``MEMORY_MB`` (MiB), ``DISK_GB`` (GiB), ``CUSTOM_...``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VCPU, PCPU, MEMORY, DISK = "VCPU", "PCPU", "MEMORY_MB", "DISK_GB"
UNBOUNDED = 2**31 - 1  # Placement's own default of max_unit
ANTI, AFFINE = "anti-affinity", "affinity"  # of server groups; the soft ones bind nobody

Amounts = tuple[tuple[str, int], ...]  # resource class and amount, sorted: may be a key


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a provider offers of one resource class (Placement's inventory)."""

    total: int
    reserved: int = 0
    ratio: float = 1.0
    min_unit: int = 1
    max_unit: int = UNBOUNDED
    step: int = 1

    @property
    def capacity(self) -> int:
        """``int((total - reserved) * allocation_ratio)``, as placement/objects/inventory.py has it."""
        return int((self.total - self.reserved) * self.ratio)

    def admits(self, amount: int) -> bool:
        """Tell whether one allocation may be that large (min_unit, max_unit, step_size)."""
        return self.min_unit <= amount <= self.max_unit and amount % self.step == 0


@dataclass(frozen=True, slots=True)
class Provider:
    """A resource provider; ``used`` is the sum of its allocations by class, as Placement counts them.

    ``shared``: several hosts draw on it (MISC_SHARES_VIA_AGGREGATE: a storage that all of them mount); each
    of them has it among its providers, and sums count it once.
    """

    uuid: str
    inventories: Mapping[str, Inventory]
    used: Mapping[str, int] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    shared: bool = False
    name: str = ""

    def free(self, kind: str) -> int:
        """Return what is left; below zero when a ratio was lowered or a host shrank under its guests."""
        return self.inventories[kind].capacity - self.used.get(kind, 0)


@dataclass(frozen=True, slots=True)
class Cell:
    """A NUMA node as the agent sees it; ``pages`` are free huge pages by their size in KiB.

    ``cpus`` are those online, ``memory`` is in MiB, each ``None`` if it is not told.
    """

    number: int
    pages: Mapping[int, int] = field(default_factory=dict)
    cpus: int | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Pain:
    """What sharing a host costs now, from the agent; ``None`` where it does not say.

    ``steal``: the worst guest's share of time without a CPU; ``cpu_stall``, ``stall``: PSI "some" of CPU and
    of memory, shares of time; ``swap``: bytes of swap in use; ``ballooned``: bytes that balloons hold back
    from guests; ``disk_latency``: seconds an operation of the slowest guest's disk; ``losing``: guests that
    lost packets.
    """

    steal: float | None = None
    stall: float | None = None
    swap: float | None = None
    ballooned: float | None = None
    cpu_stall: float | None = None
    disk_latency: float | None = None
    losing: float | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One compute: its providers (the root first), where it stands, and whether it takes guests.

    ``closed`` says why it takes none (disabled, down, forced down), empty if it does.  ``tenants`` are the
    only projects it is for, empty for everybody; ``metadata`` is that of its aggregates, merged.
    ``cells`` is ``None`` where no agent tells of NUMA; ``bound`` are vCPUs and MiB of the guests there that
    have a NUMA topology and ordinary pages; ``defined`` are the guests that libvirt knows there,
    ``None`` where it was not asked; ``cpus`` and ``memory`` (MiB) what the hardware really has, ``demand``
    (MiB) what of its memory cannot be had back now, each if known.
    """

    name: str
    providers: tuple[Provider, ...] = ()
    zone: str = ""
    aggregates: tuple[str, ...] = ()
    rack: str = ""
    closed: str = ""
    tenants: frozenset[str] = frozenset()
    metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cells: tuple[Cell, ...] | None = None
    bound: tuple[int, int] = (0, 0)
    defined: frozenset[str] | None = None
    cpus: int | None = None
    memory: int | None = None
    demand: int | None = None
    pain: Pain = Pain()

    def offering(self, kind: str) -> Iterator[Provider]:
        """Yield the providers of the tree that have an inventory of the class."""
        return (provider for provider in self.providers if kind in provider.inventories)

    @property
    def traits(self) -> frozenset[str]:
        """The traits of the whole tree."""
        return frozenset().union(*(provider.traits for provider in self.providers))


@dataclass(frozen=True, slots=True)
class Request:
    """What one guest asks of a host; ``unjudged`` names what of it Argus cannot check, empty for nothing.

    ``specs``: values by key that the host's aggregates must have.  ``cells``: NUMA nodes to spread over, 0
    without a NUMA topology; ``page``: size of its memory's pages in KiB, 0 for ordinary ones.  ``pools``:
    shared providers that hold a part of it already, which is not in ``needs``; its host must draw on them.
    """

    needs: Amounts
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    specs: tuple[tuple[str, frozenset[str]], ...] = ()
    cells: int = 0
    page: int = 0
    unjudged: str = ""
    pools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Flavor:
    """A size that guests are sold in."""

    name: str
    request: Request
    public: bool = True


@dataclass(frozen=True, slots=True)
class Guest:
    """An instance, where it is, and what it was promised.

    ``held`` names all hosts on which Placement keeps an allocation under this guest's own UUID: more than
    one after an evacuation, until the old host is back (Nova's "orphaned allocations").
    """

    uuid: str
    host: str
    request: Request
    name: str = ""
    project: str = ""
    flavor: str = ""
    group: str = ""
    policy: str = ""
    held: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the name, or the UUID of a guest without one."""
        return self.name or self.uuid


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one consumer holds on one host, summed over the host's providers; or on a ``shared`` provider."""

    consumer: str
    host: str
    amounts: Amounts
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A migration, resize or evacuation, as ``os-migrations`` has it; its UUID may be a consumer."""

    uuid: str
    guest: str
    source: str
    target: str
    status: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a project may use of one resource; ``limit`` is ``None`` for no limit."""

    project: str
    kind: str
    limit: int | None
    used: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """One cloud or region.

    ``missing`` names what could not be read, by part (``servers``, ``migrations``, ...): what rests on that
    part is not answered.  ``at`` is when it was read, in seconds since the epoch.
    """

    name: str
    hosts: tuple[Host, ...]
    guests: tuple[Guest, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    moves: tuple[Move, ...] = ()
    quotas: tuple[Quota, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0

    def flavor(self, name: str) -> Flavor | None:
        """Return a flavor by name."""
        return next((each for each in self.flavors if each.name == name), None)

    def scopes(self, by: str) -> dict[str, tuple[Host, ...]]:
        """Group hosts by ``host``, ``az``, ``aggregate`` or ``rack``; a host may be in several aggregates."""
        found: dict[str, list[Host]] = {}
        for host in self.hosts:
            names: tuple[str, ...] = {
                "host": (host.name,),
                "az": (host.zone,),
                "aggregate": host.aggregates,
                "rack": (host.rack,),
            }[by]
            for name in names:
                if name:
                    found.setdefault(name, []).append(host)
        return {name: tuple(found[name]) for name in sorted(found)}


def offering(hosts: Iterable[Host], kind: str) -> Iterator[Provider]:
    """Yield the providers of some hosts that have an inventory of the class; what is shared once."""
    shared: set[str] = set()
    for host in hosts:
        for provider in host.offering(kind):
            if provider.uuid not in shared:
                yield provider
            if provider.shared:
                shared.add(provider.uuid)


def amounts(values: Mapping[str, int]) -> Amounts:
    """Make a key of amounts; what is zero is left out."""
    return tuple(sorted((kind, amount) for kind, amount in values.items() if amount))
