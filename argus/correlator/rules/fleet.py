"""Whether a fleet has room: for more guests, for the loss of a host, and for what was promised.

Judged are each cloud as a whole, and the zones and aggregates that ``[capacity] aggregate_limits`` names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue.model import Severity
from argus.correlator.capacity.model import MEMORY, VCPU
from argus.correlator.capacity.report import EVERYTHING, Deficit, Neighbours, Report, Scope
from argus.correlator.rule import Family, Finding, Layer, Outcome, Unknown, rule
from argus.correlator.thresholds import GIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy, Thresholds

SHOWN = 5
OF_AGENTS = "capacity:agents@zabbix"  # see argus.capacity_source


class _Pain(NamedTuple):
    """What overcommit may cost: a field of ``Scope``, its threshold, and words for people."""

    field: str
    limit: str
    title: str
    says: str
    figure: Callable[[float], str]


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _gib(value: float) -> str:
    return f"{value / GIB:.1f} GiB"


STEAL = _Pain(
    "steal", "guest_steal_max_ratio", "the worst guest waits", "a guest waits {} of the time", _percent
)
CPU_STALL = _Pain(
    "cpu_stall", "cpu_stall_max_ratio", "tasks wait for a CPU", "a node lacks a CPU {} of the time", _percent
)
MEMORY_PAINS = (
    _Pain("swap", "swap_used_max_bytes", "swap in use", "a node swaps {}", _gib),
    _Pain(
        "stall",
        "memory_stall_max_ratio",
        "tasks wait for memory",
        "a node lacks memory {} of the time",
        _percent,
    ),
    _Pain("ballooned", "ballooned_max_bytes", "balloons hold back", "balloons of a node hold back {}", _gib),
)


@dataclass(frozen=True, slots=True)
class Room:
    """A scope of a fleet as rules see it, with the limits that are its own."""

    report: Report
    scope: Scope
    policy: Policy

    @property
    def label(self) -> str:
        """Name it for people."""
        return self.report.fleet if self.whole else f"{self.scope.name} of {self.report.fleet}"

    @property
    def whole(self) -> bool:
        """Whether it is all of the fleet."""
        return self.scope.name == EVERYTHING

    def limit(self, limits: Thresholds, name: str) -> float:
        """Return the scope's own limit where there is one, relaxed as far as ``limits`` are."""
        common = float(getattr(limits, name))
        own = self.policy.capacity.limits.get(self.scope.name, {}).get(name)
        if own is None:
            return common
        usual = float(getattr(self.policy.thresholds, name))
        return own * (common / usual if usual else 1.0)

    def own(self, name: str) -> bool:
        """Whether the scope has a limit of its own of that name."""
        return name in self.policy.capacity.limits.get(self.scope.name, {})

    @property
    def deficits(self) -> tuple[Deficit, ...]:
        """The losses of this scope that do not fit."""
        return tuple(each for each in self.report.deficits if self.scope.name in each.scopes)


# The limit from which a guest counts as waiting, by resource.
WAITS = {
    "cpu": "guest_steal_max_ratio",
    "disk": "guest_disk_latency_max_seconds",
    "network": "guest_drops_max",
}


def draw(facts: Facts, policy: Policy, _now: float) -> Iterator[tuple[str, Room]]:
    """Yield what is judged: all of each fleet, and the scopes with limits of their own."""
    for report in facts.told(Report):
        for scope in report.scopes:
            if scope.name == EVERYTHING or scope.name in policy.capacity.limits:
                yield f"capacity:{report.fleet}/{scope.name}", Room(report, scope, policy)


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=600, keep=300)
def over_capacity(room: Room, limit: Thresholds) -> Outcome:
    """Hosts hold more than their capacity.

    More is allocated than int((total - reserved) * allocation_ratio): a ratio was lowered, memory or disks
    went missing, or an evacuation left allocations behind. Nova puts nothing more there; what runs goes on.

    What to do:
    1. argus capacity --by host shows the balance; openstack resource provider inventory list UUID the ratio.
    2. A ratio that was lowered on purpose: live-migrate guests away until the balance is positive again.
    3. Allocations of guests that are elsewhere: see the incident about drift, if there is one.
    """
    if "allocations" in room.report.missing:
        return Unknown(f"allocations were not read: {room.report.missing['allocations']}")
    over = {kind: each for kind, each in room.scope.classes.items() if each.over}
    if not over or room.scope.over <= room.limit(limit, "hosts_over_max"):
        return None
    names = sorted({name for each in over.values() for name in each.over})
    evidence = {f"{kind}: over capacity": ", ".join(each.over[:SHOWN]) for kind, each in over.items()}
    summary = f"{room.label}: {_some(names)} hold more than their capacity ({', '.join(sorted(over))})"
    return Finding(summary, evidence, label=room.label)


@rule(severity=Severity.AVERAGE, layer=Layer.LOAD, hold=300, keep=300)
def flavor_does_not_fit(room: Room, limit: Thresholds) -> Outcome:
    """A flavor no longer fits often enough.

    Counted host by host with Placement's formula, minimum, maximum and step, traits, and hosts that are
    enabled and up: the next boots after those fail with "No valid host was found".

    What to do:
    1. argus capacity --flavor NAME --by az: where there is room, and what it lacks elsewhere.
    2. Far fewer fit than "unfragmented": live-migrate small guests together to open large holes.
    3. Hosts that are disabled or down take nothing: argus capacity names them. Bring them back first.
    4. Otherwise add hosts; argus whatif add N HOST-TYPE shows how many.
    """
    least = room.limit(limit, "flavor_fits_min")
    sizes = {name: room.scope.sizes.get(name) for name in room.policy.capacity.flavors}
    if "flavors" in room.report.missing and sizes:
        return Unknown(f"flavors were not read: {room.report.missing['flavors']}")
    if blind := _blind(room):
        return blind
    few = {name: size for name, size in sizes.items() if size is not None and size.fits < least}
    short = {name: size for name, size in few.items() if size.most < least}
    if not short:
        doubt = ", ".join(f"{size.fits} to {size.most} of {name}" for name, size in few.items())
        return Unknown(f"which NUMA nodes are free is not known: {doubt} fit") if doubt else None
    evidence = {name: f"{size.fits} fit, {size.ideal} if unfragmented" for name, size in short.items()}
    figures = ", ".join(f"{size.fits} more of {name}" for name, size in short.items())
    severity = Severity.HIGH if any(size.fits == 0 for size in short.values()) else Severity.AVERAGE
    text = f"{room.label} has room for {figures} (at least {least:.0f} wanted)"
    return Finding(text, evidence, label=room.label, severity=severity)


@rule(severity=Severity.AVERAGE, layer=Layer.LOAD, hold=900, keep=600)
def failover_deficit(room: Room, limit: Thresholds) -> Outcome:
    """The loss of a host would leave guests without a place.

    Tried by packing every host's, and every rack's, guests onto the others: by size, ratio, zone, traits and
    anti-affinity. The guests named found no host; their sum may well be less than all that is free.

    What to do:
    1. argus whatif lose HOST lists who goes where, and who goes nowhere.
    2. Free a hole of their size: move small guests away from one host, or add one.
    3. Enable hosts that are disabled, if they may take guests.
    """
    if not room.report.losses:
        missing = room.report.missing
        why = next((missing[part] for part in ("servers", "guests", "providers") if part in missing), "")
        return Unknown(f"who would have to move was not read: {why}") if why else None
    found = tuple(each for each in room.deficits if each.count)
    # A single host has no other to go to, and whoever runs it knows.
    if room.scope.hosts < 2 or len(found) <= room.limit(limit, "losses_max"):
        doubt = sum(each.unsure for each in room.deficits) if room.scope.hosts > 1 else 0
        return Unknown(f"whether NUMA nodes are free for {doubt} guests is not known") if doubt else None
    worst = max(found, key=lambda each: each.count)
    evidence = {
        f"{each.by} {each.unit}": f"{each.count} guests: {_some(each.guests)}"
        for each in sorted(found, key=lambda each: -each.count)[:SHOWN]
    }
    guests = "1 guest" if worst.count == 1 else f"{worst.count} guests"
    summary = f"{room.label}: the loss of {worst.unit} leaves {guests} without a host"
    if len(found) > 1:
        summary += f" ({len(found)} such losses)"
    return Finding(summary, evidence, label=room.label)


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=3600, keep=3600)
def full_before_lead_time(room: Room, limit: Thresholds) -> Outcome:
    """It will be full before new hosts can be there.

    A robust line through the daily maxima of what is in use reaches capacity sooner than hosts can be had.

    What to do:
    1. argus capacity --forecast, and --plot FILE.png for the picture with its interval.
    2. Order hosts; argus whatif add N HOST-TYPE shows what each would bring.
    3. Find who grows: openstack usage list; the quota of that project may want a word with its owner.
    """
    lead = room.limit(limit, "full_in_days_min")
    mine = room.report.forecasts.get(room.scope.name, {})
    judged = {kind: each for kind, each in mine.items() if not each["refused"]}
    if not judged:
        why = next((str(each["refused"]) for each in mine.values()), "there is no history yet")
        return Unknown(f"no forecast: {why}")
    soon = {kind: each for kind, each in judged.items() if each["full"] is not None and each["full"] < lead}
    if not soon:
        return None
    first = min(soon, key=lambda kind: soon[kind]["full"])
    evidence = {
        kind: f"full in {each['full']:.0f} days (from {_days(each['early'])} to {_days(each['late'])})"
        for kind, each in soon.items()
    }
    text = f"{room.label} is full of {first} in {soon[first]['full']:.0f} days; lead time is {lead:.0f}"
    return Finding(text, evidence, label=room.label)


@rule(severity=Severity.AVERAGE, layer=Layer.LOAD, hold=600, keep=600)
def memory_overcommit_hurts(room: Room, limit: Thresholds) -> Outcome:
    """Memory overcommit hurts guests.

    More memory is promised than there is, and a node swaps, stands still for want of memory, or balloons hold
    memory back from guests: those that were swapped out crawl, and when swap is full the kernel kills one.
    Promises alone are policy; a node that swaps alone is an incident of that node.

    What to do:
    1. The evidence names the worst node of each kind; argus capacity --by host has all of them.
    2. Live-migrate the guest with the largest memory from that node to one with memory to spare.
    3. Lower ram_allocation_ratio of the aggregate; over_capacity then names hosts to drain.
    """
    most = room.limit(limit, "memory_promised_max_ratio")
    return _hurts(room, limit, MEMORY, most, "of its memory is promised", MEMORY_PAINS)


@rule(severity=Severity.AVERAGE, layer=Layer.LOAD, hold=600, keep=600)
def vcpu_overcommit_hurts(room: Room, limit: Thresholds) -> Outcome:
    """The vCPU ratio of a fleet is too high for what its guests do.

    More vCPUs are promised than there are CPUs in all of the scope, and guests of a node wait for one (where
    steal is not told, tasks of it): moving guests within it helps little. A single node that starves its
    guests is an incident of that node.

    What to do:
    1. argus capacity --by host: whether some hosts are promised far more than others; then move guests.
    2. Promised alike everywhere: lower cpu_allocation_ratio of the aggregate, or add hosts.
    """
    most = room.limit(limit, "vcpu_overcommit_max_ratio")
    # The kernel's pressure counts guests that their own quotas stop, which steal does not.
    pain = CPU_STALL if room.scope.steal is None else STEAL
    return _hurts(room, limit, VCPU, most, "vCPUs a CPU are promised", (pain,))


def _hurts(
    room: Room, limit: Thresholds, kind: str, most: float, words: str, pains: tuple[_Pain, ...]
) -> Outcome:
    """Promised more than agreed, and at least one pain beyond its limit; the worst node of each is named."""
    promised = room.scope.promised.get(kind)
    told = [(pain, value) for pain in pains if (value := getattr(room.scope, pain.field)) is not None]
    if promised is None or not told:
        return Unknown(f"no agent tells what hurts for {kind}" if promised is not None else f"no {kind} read")
    sore = [(pain, value, worst) for pain, value in told if value > (worst := room.limit(limit, pain.limit))]
    if promised <= most or not sore:
        return None
    evidence = {"promised": f"{promised:.2f} of what there is (limit {most:.2f})"} | {
        f"{pain.title} ({room.scope.where.get(pain.field, 'node unknown')})": (
            f"{pain.figure(value)} (limit {pain.figure(worst)})"
        )
        for pain, value, worst in sore
    }
    evidence["nodes that tell"] = f"{room.scope.told} of {room.scope.hosts}"
    first, value, _ = max(sore, key=lambda each: each[1] / each[2] if each[2] else each[1])
    text = f"{room.label}: {promised:.2f} {words}, and {first.says.format(first.figure(value))}"
    return Finding(text, evidence, label=room.label)


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=3600, keep=600)
def quota_promise(room: Room, limit: Thresholds) -> Outcome:
    """Projects were promised more than there is.

    The sum of all quotas is a multiple of capacity. That is how clouds are sold, up to a point; beyond it one
    project that uses its right leaves others with "No valid host".

    What to do:
    1. openstack quota list --detail: who may use much and uses little; agree on less.
    2. Projects without a limit are not in the sum, and are the larger risk: the evidence names them.
    """
    if not room.whole:
        return None
    if "quotas" in room.report.missing:
        return Unknown(f"quotas were not read: {room.report.missing['quotas']}")
    most = room.limit(limit, "quota_promise_max_ratio")
    ratios = {kind: each["ratio"] for kind, each in room.report.promises.items()}
    over = {kind: ratio for kind, ratio in ratios.items() if ratio is not None and ratio > most}
    if not over:
        return None
    evidence = {kind: f"{ratio:.1f} times capacity (limit {most:.1f})" for kind, ratio in over.items()}
    if room.report.unlimited:
        evidence["without a limit"] = _some(room.report.unlimited)
    figures = ", ".join(f"{ratio:.1f} times its {kind}" for kind, ratio in over.items())
    return Finding(f"{room.label}: quotas promise {figures}", evidence, label=room.label)


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=900, keep=300)
def capacity_drift(room: Room, limit: Thresholds) -> Outcome:
    """Nova, Placement and libvirt disagree.

    Allocations that nobody uses, or that a guest holds twice after an evacuation, take room from others;
    domains that Nova does not know take it unseen; ratios that differ within an aggregate surprise people.

    What to do:
    1. The evidence has one line each. doubled: start nova-compute on the old host, which cleans up, or
       openstack resource provider allocation unset; leaked: nova-manage placement audit --verbose.
    2. unknown_domain: compare openstack server show UUID with virsh dominfo UUID before touching it.
    3. two_hosts: virsh domstate UUID on both, at once; destroy the one that Nova does not name.
    4. ratio: openstack resource provider inventory set, or the option in nova.conf of the odd host.
    """
    if not room.whole and not room.own("drift_max"):
        return None
    report, name = room.report, room.scope.name
    drifts = report.drifts if room.whole else report.drifts_in.get(name, {})
    if sum(drifts.values()) <= room.limit(limit, "drift_max"):
        return None
    lines = report.drifting if room.whole else report.drifting_in.get(name, ())
    evidence = {str(n): line for n, line in enumerate(lines[:SHOWN], 1)}
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(drifts.items()))
    return Finding(
        f"{room.label}: Nova, Placement and libvirt disagree ({kinds})", evidence, label=room.label
    )


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=600, keep=600)
def noisy_neighbour(room: Room, limit: Thresholds) -> Outcome:
    """A guest waits because of its neighbours.

    It waits for a CPU, its disk is slow or it loses packets while another guest on the same node uses a good
    share of what all guests there use of that. That one may be within its rights: it is a matter of
    placement, not of blame. Guests that wait for their own CPU quota or disk limit are left out; disks on a
    network storage may be slow for reasons of their own.

    What to do:
    1. The evidence names victim, neighbours and their shares; argus-agent once on the node shows it live.
    2. Live-migrate the neighbour that uses most, or the victim if it is smaller.
    3. It comes back: a flavor with quota:cpu_quota, quota:disk_total_iops_sec or quota:vif_inbound_average
       for the one, or pinned CPUs for the other.
    """
    texts = [each.text for each in room.report.noises if _is_about(room, each, limit)]
    if not texts:
        return None
    evidence = {str(n): text for n, text in enumerate(texts[:SHOWN], 1)}
    return Finding(f"{room.label}: {texts[0]}", evidence, label=room.label)


def _is_about(room: Room, noise: Neighbours, limit: Thresholds) -> bool:
    """Whether a victim is told here: by a scope with a limit of its own, else by the whole fleet."""
    name = WAITS[noise.resource]
    special = any(name in room.policy.capacity.limits.get(scope, {}) for scope in noise.scopes)
    mine = not special if room.whole else room.scope.name in noise.scopes and room.own(name)
    return mine and noise.waits >= room.limit(limit, name)


def _blind(room: Room) -> Unknown | None:
    """Whether what fits can be said: which hosts are up, and what they hold, must be known."""
    for part in ("providers", "hypervisors", "services", "placement"):
        if part in room.report.missing:
            return Unknown(f"{part} were not read: {room.report.missing[part]}")
    return None


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _days(days: float | None) -> str:
    return "more than 1095" if days is None else f"{days:.0f}"


RULES = (
    over_capacity,
    flavor_does_not_fit,
    failover_deficit,
    full_before_lead_time,
    memory_overcommit_hurts,
    vcpu_overcommit_hurts,
    quota_promise,
    capacity_drift,
    noisy_neighbour,
)


def source_of(subject: str) -> str:
    """Name the source of ``capacity:FLEET/SCOPE``: one cloud that is blind holds its own incidents only."""
    named = re.match(r"(capacity:.*?)/(?:all$|az:|aggregate:)", subject)
    source = named[1] if named else "capacity"
    return OF_AGENTS if source == "capacity:agents" else source


FAMILY: Family[Room] = Family("capacity", ("capacity",), draw, RULES, source_of=source_of)
