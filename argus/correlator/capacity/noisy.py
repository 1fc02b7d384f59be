"""Noisy neighbours: who waits on a host, and who among the others there uses what the waiting is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.correlator.capacity.model import Pain

SHARE_LEAST = 0.25  # of what all guests of the host use; below that nobody stands out
SUSPECTS = 3
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """One guest over one interval; ``None``: not known.

    ``cpu``: CPUs used; ``disk`` and ``net``: bytes a second; ``disk_ops`` and ``packets``: operations and
    packets a second.  ``steal``: share of time (0 to 1) that it waited for a CPU; ``latency``: seconds that
    an operation of its slowest disk took; ``drops``: packets a second that were lost at its interfaces.
    """

    uuid: str
    host: str
    label: str = ""
    project: str = ""
    cpu: float | None = None
    disk: float | None = None
    disk_ops: float | None = None
    net: float | None = None
    packets: float | None = None
    steal: float | None = None
    latency: float | None = None
    drops: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """From when a guest counts as waiting: a share of time, seconds an operation, packets a second."""

    cpu: float
    disk: float
    network: float

    def of(self, resource: str) -> float:
        """Return the limit of a resource by its name."""
        return {"cpu": self.cpu, "disk": self.disk, "network": self.network}[resource]


LIMITS = Limits(0.1, 0.05, 10.0)  # the defaults of [thresholds]


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody who stands out: ``share`` of what all guests of the host use of it; ``figure`` for people."""

    usage: Usage
    share: float
    figure: str


@dataclass(frozen=True, slots=True)
class Noise:
    """A victim, what it waits for and how much, and up to three others who use most of it.

    ``value`` is in the unit of the limit; ``times`` says how many limits that is, ``waits`` is for people.
    """

    victim: Usage
    resource: str
    waits: str
    value: float
    times: float
    suspects: tuple[Suspect, ...]

    @property
    def text(self) -> str:
        """One line for people: who waits, for what, and who uses it."""
        who = ", ".join(
            f"{each.usage.label} ({each.usage.project or 'project unknown'}) {each.share:.0%} ({each.figure})"
            for each in self.suspects
        )
        victim = f"{self.victim.label} on {self.victim.host}"
        return f"{victim} {self.waits}; of the {self.resource} used there: {who}"


@dataclass(frozen=True, slots=True)
class _Resource:
    """A resource: how long one waits for it, and in which ways it is used up (bytes, operations)."""

    name: str
    wait: str
    waits: str
    scale: float
    uses: tuple[_Use, ...]


class _Use(NamedTuple):
    """A field of ``Usage``, words for people and their unit, and how much nobody minds (in that unit)."""

    field: str
    words: str
    unit: float
    least: float


# A disk or a network is used up by bytes or by operations: random reads of 4 KiB are few bytes.
RESOURCES = (
    _Resource(
        "cpu", "steal", "waits {:.0f} % of the time for a CPU", 100, (_Use("cpu", "{:.1f} CPUs", 1, 0.5),)
    ),
    _Resource(
        "disk",
        "latency",
        "waits {:.0f} ms for an operation of its disk",
        1000,
        (_Use("disk", "{:.0f} MiB/s", MIB, 1), _Use("disk_ops", "{:.0f} operations/s", 1, 50)),
    ),
    _Resource(
        "network",
        "drops",
        "loses {:.0f} packets/s",
        1,
        (_Use("net", "{:.0f} MiB/s", MIB, 1), _Use("packets", "{:.0f} packets/s", 1, 1000)),
    ),
)


def is_waiting(pain: Pain, limits: Limits) -> bool:
    """Whether a node says that a guest there waits, so that its guests are worth asking for."""
    told = ((pain.steal, limits.cpu), (pain.disk_latency, limits.disk), (pain.losing, 1.0))
    return any(value is not None and value >= limit for value, limit in told)


def noises(usages: Iterable[Usage], limits: Limits) -> tuple[Noise, ...]:
    """Return victims whose host has somebody else that stands out; the worst waiter first."""
    by_host: dict[str, list[Usage]] = {}
    for usage in usages:
        by_host.setdefault(usage.host, []).append(usage)
    found = [noise for mine in by_host.values() for noise in _on_host(mine, limits)]
    return tuple(sorted(found, key=lambda each: (-each.times, each.victim.uuid, each.resource)))


def _on_host(mine: list[Usage], limits: Limits) -> Iterator[Noise]:
    for resource in RESOURCES:
        limit = limits.of(resource.name)
        for victim in mine:
            waits = getattr(victim, resource.wait)
            if waits is None or waits < limit:
                continue
            if suspects := _suspects(mine, victim, resource):
                text = resource.waits.format(waits * resource.scale)
                yield Noise(victim, resource.name, text, waits, waits / limit if limit else waits, suspects)


def _suspects(mine: list[Usage], victim: Usage, resource: _Resource) -> tuple[Suspect, ...]:
    """Return who uses more of it than the victim and a good share of all, each in the way that shows most."""
    found: dict[str, Suspect] = {}
    for use in resource.uses:
        used = {usage.uuid: value for usage in mine if (value := getattr(usage, use.field)) is not None}
        total = sum(used.values())
        for usage in mine:
            value = used.get(usage.uuid, 0.0)
            if usage.uuid == victim.uuid or value <= max(use.least * use.unit, used.get(victim.uuid, 0.0)):
                continue
            share, before = value / total, found.get(usage.uuid)
            if share >= SHARE_LEAST and (before is None or share > before.share):
                found[usage.uuid] = Suspect(usage, share, use.words.format(value / use.unit))
    ranked = sorted(found.values(), key=lambda each: (-each.share, each.usage.uuid))
    return tuple(ranked[:SUSPECTS])
