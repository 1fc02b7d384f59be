"""Whether a rack, a switch or another part that nodes share takes them down with it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.blast import listed
from argus.correlator.facts import ZABBIX
from argus.correlator.rule import Family, Finding, Layer, Outcome, Unknown, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy, Thresholds


@dataclass(frozen=True, slots=True)
class Place:
    """A part that nodes share: ``rack:r12``; ``also`` are others that exactly the same nodes share.

    ``silent`` are those of its nodes that do not report, ``since`` the newest value of each, in seconds;
    ``unheard`` those that had no time to yet, since Zabbix itself has just come back.
    """

    name: str
    also: tuple[str, ...]
    nodes: tuple[str, ...]
    silent: tuple[str, ...]
    since: tuple[float, ...]
    unheard: tuple[str, ...] = ()


def draw(facts: Facts, policy: Policy, now: float) -> Iterator[tuple[str, Place]]:
    """Yield what tags in Zabbix name (``rack: r12`` on the host of a node), each set of nodes once."""
    members: defaultdict[str, list[str]] = defaultdict(list)
    heard, read_at = {}, facts.read_at(now)
    for node in facts.nodes:
        heard[node.host] = node.newest
        for place in node.within:
            if not place.startswith("proxy:"):  # it says itself whether it is well
                members[place].append(node.host)
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for place, nodes in sorted(members.items()):
        alike[tuple(sorted(nodes))].append(place)
    for names, places in alike.items():
        silent = tuple(node for node in names if read_at - heard[node] > policy.stale_after)
        since = tuple(heard[node] for node in silent)
        just_back = read_at - facts.awake_since <= policy.stale_after
        unheard = tuple(node for node in silent if just_back and heard[node] < facts.awake_since)
        yield places[0], Place(places[0], tuple(places[1:]), names, silent, since, unheard)


@rule(
    severity=Severity.HIGH,
    layer=Layer.PRESENCE,
    hold=10.0,
    keep=30.0,
    explains=("node_does_not_report",),
    gathers=True,
)
def place_is_silent(place: Place, limit: Thresholds) -> Outcome:
    """Most nodes of a rack or behind a switch do not report.

    They share what the title names (a tag of their hosts in Zabbix, [correlator] place_tags), so its power,
    its switch or its uplink is the likely cause. The nodes that fell silent within ten minutes of this, and
    their guests, are symptoms and are told only if they outlive it; one that falls silent later is told.

    What to do:
    1. Can the switch be reached (management network)? Are both of its power feeds on? Ask the data centre.
    2. If some of the nodes answer ping: it is the path to Zabbix only, and guests run.
    3. Nodes that are really off: see what ran on them (evidence of argus incidents --all) and evacuate.
    """
    if place.unheard:
        return Unknown(
            f"{len(place.unheard)} of its nodes had no time yet to report: Zabbix has just come back"
        )
    enough = max(limit.place_silent_min, limit.place_silent_min_ratio * len(place.nodes))
    if not place.silent or len(place.silent) < enough:
        return None
    names = " and ".join(_words(name) for name in (place.name, *place.also))
    return Finding(
        f"{len(place.silent)} of {len(place.nodes)} nodes of {names} do not report",
        {"silent": listed(place.silent), "nodes there": str(len(place.nodes))},
        label=_words(place.name),
        within=(place.name, *place.also),
    )


def _words(name: str) -> str:
    kind, _, which = name.partition(":")
    return f"{kind} {which}"


FAMILY = Family("place", (ZABBIX,), draw, (place_is_silent,))
