"""What the correlator knows about the world at one moment: plain values, no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

T = TypeVar("T")
ZABBIX = "zabbix"  # the name of the source that problems and node values come from


@dataclass(frozen=True, slots=True)
class Problem:
    """An open problem as ``problem.get`` lists it.

    ``clock`` is in seconds since the epoch; ``host`` is the technical name; ``severity`` is Zabbix' 0 to 5;
    ``trigger_ident`` is the catalogue's ``Trigger.ident``, empty for triggers that are not ours.
    ``tags`` holds one value of each tag, ``more_tags`` the further ones of tags that are there again;
    ``trigger_id`` is Zabbix' own id of the trigger, ``also_on`` its other hosts.  ``foreign``: none of the
    hosts is in Argus' groups, so that it matters only where one of them is known by its name.
    """

    eventid: str
    host: str
    name: str
    severity: int
    clock: float
    tags: Mapping[str, str]
    acknowledged: bool
    suppressed: bool
    trigger_ident: str
    trigger_id: str = ""
    more_tags: tuple[tuple[str, str], ...] = ()
    also_on: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class NodeValues:
    """The newest values of one node, by ``Metric.field``, in base units; a value never received is absent.
    Of a counter it is the rate.

    ``at`` is the newest clock among them in seconds since the epoch, 0 when there has never been a value.
    ``clocks`` holds the clock of each field (``item.get``'s ``lastclock``): while libvirtd hangs, the node
    goes on reporting, and Zabbix goes on showing the last known values of what only libvirtd can tell.
    ``within`` names what it shares with other nodes: ``rack:r12``, ``proxy:zp1``.
    ``in_maintenance``: Zabbix has it in a maintenance.  ``heard`` is when something new came of it by our own
    clock, where its own is off (``argus.correlator.clocks``); ``None``: its own is right as far as is known.
    """

    host: str
    values: Mapping[str, float | str]
    at: float
    clocks: Mapping[str, float] = field(default_factory=dict)
    within: tuple[str, ...] = ()
    in_maintenance: bool = False
    heard: float | None = None

    @property
    def newest(self) -> float:
        """Return when it was last heard of, by a clock that is right; 0 when there has never been a value."""
        return self.at if self.heard is None else self.heard

    def age(self, now: float) -> float | None:
        """Return how old its newest value is in seconds, ``None`` when it has none."""
        return max(0.0, now - self.newest) if self.at else None

    def age_of(self, field: str, now: float) -> float:
        """Return how old the value of a field is, in seconds."""
        return max(0.0, now - self.newest) + max(0.0, self.at - self.clock(field))

    def number(self, field: str) -> float | None:
        """Return the value as a number, ``None`` when it is absent or a text: unknown is not zero."""
        value = self.values.get(field)
        return None if value is None or isinstance(value, str) else float(value)

    def clock(self, field: str) -> float:
        """Return when the field's value was measured; the node's newest clock where the feed does not say."""
        return self.clocks.get(field, self.at)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A node that somebody took out of service; what happens on it is not told meanwhile.

    One object for each node in ``Facts.others``; ``source`` is the name of the source that tells it, without
    its place (``openstack``): while that is blind, no maintenance ends.
    """

    source: str
    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Placement:
    """One stay of a guest on a node: from ``since`` to ``until`` (seconds since the epoch; ``None``: still).

    ``guest`` is the UUID; ``name`` and ``project`` are words for people, empty where nobody told.
    """

    guest: str
    node: str
    name: str = ""
    project: str = ""
    since: float = 0.0
    until: float | None = None

    def at(self, moment: float) -> bool:
        """Tell whether the guest was there then."""
        return self.since <= moment and (self.until is None or moment < self.until)

    @property
    def label(self) -> str:
        """Return the name, or the UUID of a guest without one."""
        return self.name or self.guest


@dataclass(frozen=True, slots=True)
class Facts:
    """One snapshot of all sources.

    ``sources`` names those that were asked, ``blind`` those among them that could not be read this time; what
    they would have told is unknown, and ``why_blind`` carries one line a source for people.  A source with
    several places is one name a place: ``openstack:RegionOne``.  ``others`` holds what sources beside Zabbix
    told, one frozen object a source and place, found again by its type with ``told``.

    ``placements`` are the stays of guests that matter now: those of guests in trouble and those on nodes in
    trouble; past ones too, because who ran where when it broke decides what is a symptom of what.
    ``proxies`` are Zabbix' proxies by name, and when its server last heard of each (0: never).
    ``pulse`` is what changes as long as Zabbix' server lives, ``None`` where nothing tells; ``awake_since``
    is since when it has been seen alive without a gap (seconds), and ``blind_since`` when a blind source
    could last be read, where that is known.
    ``unseen`` are guests with an incident whose hosts Zabbix does not show, disabled ones neither.
    ``at`` is when reading began: what was read is as old as that at least, however long reading took.
    """

    problems: tuple[Problem, ...] = ()
    nodes: tuple[NodeValues, ...] = ()
    blind: tuple[str, ...] = ()
    why_blind: tuple[str, ...] = ()
    placements: tuple[Placement, ...] = ()
    sources: tuple[str, ...] = (ZABBIX,)
    others: tuple[object, ...] = ()
    proxies: tuple[tuple[str, float], ...] = ()
    pulse: float | None = None
    awake_since: float = 0.0
    blind_since: Mapping[str, float] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    at: float | None = None

    def read_at(self, now: float) -> float:
        """Return the moment by which the ages of values are judged; never later than ``now``."""
        return now if self.at is None else min(now, self.at)

    def told(self, kind: type[T]) -> tuple[T, ...]:
        """Return what the sources of one type told, in the order they were asked; none when all are blind."""
        return tuple(each for each in self.others if isinstance(each, kind))

    def blindness(self, names: Collection[str]) -> str:
        """Say which of the sources, or of their places, cannot be read; empty when all can."""
        blind = [each for each in self.blind if each in names or each.partition(":")[0] in names]
        return f"{' and '.join(_title(each) for each in blind)} cannot be read" if blind else ""

    def joined(self, other: Facts) -> Facts:
        """Return what both say together; they are of different sources."""
        return replace(
            self,
            problems=(*self.problems, *other.problems),
            nodes=(*self.nodes, *other.nodes),
            blind=(*self.blind, *other.blind),
            why_blind=(*self.why_blind, *other.why_blind),
            placements=(*self.placements, *other.placements),
            sources=tuple(dict.fromkeys((*self.sources, *other.sources))),
            others=(*self.others, *other.others),
            proxies=(*self.proxies, *other.proxies),
            pulse=self.pulse if other.pulse is None else other.pulse,
            awake_since=max(self.awake_since, other.awake_since),
            blind_since={**self.blind_since, **other.blind_since},
            unseen=(*self.unseen, *other.unseen),
            at=other.at if self.at is None else self.at,
        )


def _title(source: str) -> str:
    return source[0].upper() + source[1:]
