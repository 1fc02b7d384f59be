"""Everything about one fleet at once, as rules, exporters and dashboards use it; what JSON can hold.

A report is what SQL keeps between two readings: sums, not the fleet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.overcommit import overcommit
from argus.correlator.capacity.quotas import promises
from argus.correlator.capacity.stranded import stranded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from argus.correlator.capacity.drift import Drift
    from argus.correlator.capacity.model import Fleet, Host

SUSPECTED = 5000  # disagreements that are kept to be compared with
NAMED = 20  # guests, hosts or disagreements that a report names; the rest is counted
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Class:
    """One resource class in a scope; see ``Balance``."""

    total: int
    reserved: int
    capacity: int
    used: int
    doubled: int
    free: int
    open: int
    over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """One flavor in a scope: how many more fit, may fit, and would if nothing were fragmented."""

    fits: int
    most: int
    ideal: int
    unjudged: str = ""


@dataclass(frozen=True, slots=True)
class Deficit:
    """A loss that does not fit elsewhere: ``guests`` names some of the ``count`` without a host.

    ``unsure`` counts further guests for which nobody tells whether NUMA nodes are free.
    """

    unit: str
    by: str
    count: int
    guests: tuple[str, ...]
    short: Mapping[str, int]
    scopes: tuple[str, ...] = ()
    unsure: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """All hosts (``all``), an availability zone (``az:NAME``) or an aggregate (``aggregate:NAME``)."""

    name: str
    hosts: int
    taking: int
    classes: Mapping[str, Class]
    sizes: Mapping[str, Size]
    stranded: Mapping[str, int]
    promised: Mapping[str, float]
    told: int = 0  # hosts whose agent tells of pain
    steal: float | None = None
    stall: float | None = None
    swap: float | None = None
    ballooned: float | None = None
    cpu_stall: float | None = None
    over: int = 0  # hosts that hold more than their capacity
    where: Mapping[str, str] = field(default_factory=dict)  # the host with the worst of each pain
    demand: int | None = None  # MiB of memory that cannot be had back, on hosts that tell
    memory: int | None = None  # MiB of memory of those hosts


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A guest that waits because of others, ready for people, and the scopes that its host is in.

    ``waits`` is in the unit of the resource's limit; ``told``: beyond the limit of the whole fleet.
    """

    text: str
    resource: str
    waits: float
    told: bool
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one fleet; ``at`` in seconds since the epoch.

    ``forecasts`` are by scope and class: days until ``full``, ``early``, ``late``, or why it is ``refused``.
    ``noises`` are worst first, those too that only a stricter limit, or an open incident, is about.
    ``drifts`` are those that the reading before had too, ``drifts_in`` and ``drifting_in`` those of a scope;
    ``suspected`` are keys of all of this one, to be compared with by the next.
    """

    fleet: str
    at: float
    scopes: tuple[Scope, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)  # tried, by kind of unit
    deficits: tuple[Deficit, ...] = ()
    promises: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    unlimited: tuple[str, ...] = ()
    drifts: Mapping[str, int] = field(default_factory=dict)
    drifting: tuple[str, ...] = ()
    suspected: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    forecasts: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    noises: tuple[Neighbours, ...] = ()
    drifts_in: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    drifting_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def noisy(self) -> int:
        """How many guests wait beyond the fleet's limits."""
        return sum(each.told for each in self.noises)

    def scope(self, name: str) -> Scope | None:
        """Return a scope by name."""
        return next((each for each in self.scopes if each.name == name), None)


def report(
    fleet: Fleet,
    *,
    units: Iterable[str] = ("host", "rack"),
    across_zones: bool = False,
    before: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Answer everything; ``units`` are what is lost in turn.

    Failover needs the list of servers.

    ``before`` are the disagreements that the reading before suspected: those that it did not are not told
    yet, since Nova, Placement and the agents are not read in the same instant; ``None``: tell all.
    """
    scopes = tuple(_scope(fleet, name, hosts) for name, hosts in named_scopes(fleet).items())
    deficits, losses = _losses(fleet, units, across_zones=across_zones, progress=progress)
    suspected = drifts(fleet)
    found = [each for each in suspected if before is None or each.key in before]
    homes = {host.name: scopes_of(host)[1:] for host in fleet.hosts}
    within: dict[str, list[Drift]] = {}
    for each in found:
        for name in homes.get(each.host, ()):
            within.setdefault(name, []).append(each)
    made = promises(fleet)
    return Report(
        fleet.name,
        fleet.at,
        scopes,
        losses,
        tuple(deficits),
        {
            each.kind: {
                "limit": each.limit,
                "used": each.used,
                "capacity": each.capacity,
                "ratio": each.ratio,
            }
            for each in made
        },
        tuple(sorted({project for each in made for project in each.unlimited}))[:NAMED],
        _kinds(found),
        _lines(found),
        tuple(each.key for each in suspected[:SUSPECTED]),
        dict(fleet.missing),
        drifts_in={name: _kinds(mine) for name, mine in within.items()},
        drifting_in={name: _lines(mine) for name, mine in within.items()},
    )


def _kinds(found: Iterable[Drift]) -> dict[str, int]:
    return dict(Counter(each.kind for each in found))


def _lines(found: Sequence[Drift]) -> tuple[str, ...]:
    return tuple(f"{each.kind}: {each.text}" for each in found[:NAMED])


def _losses(
    fleet: Fleet,
    units: Iterable[str],
    *,
    across_zones: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[Deficit], dict[str, int]]:
    """Lose each unit in turn; what does not fit, and how many were tried by kind of unit."""
    deficits: list[Deficit] = []
    tried: dict[str, int] = {}
    if {"servers", "guests", "providers"} & fleet.missing.keys():
        return deficits, tried
    failover = Failover(fleet, across_zones=across_zones)
    homes = {host.name: host for host in fleet.hosts}
    for by in units:
        for loss in failover.each(by, progress):
            tried[by] = tried.get(by, 0) + 1
            if not loss.survives:
                labels = tuple(guest.label for guest in (*loss.stranded, *loss.unsure)[:NAMED])
                where = tuple(sorted({n for h in loss.hosts if h in homes for n in scopes_of(homes[h])}))
                out, unsure = len(loss.stranded), len(loss.unsure)
                deficits.append(Deficit(loss.unit, by, out, labels, loss.short, where, unsure))
    return deficits, tried


def named_scopes(fleet: Fleet) -> dict[str, tuple[Host, ...]]:
    """Return all, each zone and each aggregate, by the names that incidents and metrics use."""
    found = {EVERYTHING: fleet.hosts}
    for by in ("az", "aggregate"):
        found |= {f"{by}:{name}": hosts for name, hosts in fleet.scopes(by).items()}
    return found


def scopes_of(host: Host) -> tuple[str, ...]:
    """Return the names of the scopes that a host is in."""
    zone = (f"az:{host.zone}",) if host.zone else ()
    return (EVERYTHING, *zone, *(f"aggregate:{name}" for name in host.aggregates))


def _scope(fleet: Fleet, name: str, hosts: tuple[Host, ...]) -> Scope:
    made = balances(fleet, hosts)
    classes = {
        kind: Class(b.total, b.reserved, b.capacity, b.used, b.doubled, b.free, b.open, b.over[:NAMED])
        for kind, b in made.items()
    }
    sizes = {}
    for flavor in fleet.flavors:
        found = fit(hosts, flavor.request)
        sizes[flavor.name] = Size(found.count, found.most, found.ideal, found.unjudged)
    largest = max(fleet.flavors, key=lambda each: each.request.needs, default=None)
    pain = overcommit(hosts)
    return Scope(
        name,
        len(hosts),
        sum(1 for host in hosts if not host.closed),
        classes,
        sizes,
        stranded(hosts, largest.request) if largest else {},
        pain.promised,
        pain.told,
        pain.worst.steal,
        pain.worst.stall,
        pain.worst.swap,
        pain.worst.ballooned,
        pain.worst.cpu_stall,
        len({name for balance in made.values() for name in balance.over}),
        pain.where,
        *_demand(hosts),
    )


def _demand(hosts: Iterable[Host]) -> tuple[int | None, int | None]:
    told = [(host.demand, host.memory) for host in hosts if host.demand is not None and host.memory]
    if not told:
        return None, None
    return sum(demand for demand, _ in told), sum(memory for _, memory in told)


def payload(made: Report) -> dict[str, Any]:
    """Return a report as JSON can hold it."""
    return asdict(made)


def of_payload(document: Mapping[str, Any]) -> Report:
    """Return the report of a payload.  Raises ``KeyError`` or ``TypeError`` for another shape."""
    fields = dict(document)
    scopes = tuple(
        Scope(
            **{
                **each,
                "classes": {k: Class(**{**v, "over": tuple(v["over"])}) for k, v in each["classes"].items()},
                "sizes": {k: Size(**v) for k, v in each["sizes"].items()},
            }
        )
        for each in fields.pop("scopes")
    )
    deficits = tuple(
        Deficit(**{**each, "guests": tuple(each["guests"]), "scopes": tuple(each["scopes"])})
        for each in fields.pop("deficits")
    )
    for name in ("unlimited", "drifting", "suspected"):
        fields[name] = tuple(fields[name])
    fields["drifting_in"] = {name: tuple(each) for name, each in fields.get("drifting_in", {}).items()}
    fields["noises"] = tuple(
        Neighbours(**{**each, "scopes": tuple(each["scopes"])}) for each in fields["noises"]
    )
    return Report(scopes=scopes, deficits=deficits, **fields)
