"""What becomes of a service's host in Zabbix when the service is no longer probed.  Pure.

A service is gone only when a round says so that could have found it: its cloud's Keystone gave a catalogue,
or the cloud is no longer in ``services.yaml``.  Without Keystone nobody knows what there is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.correlator.service import IDENTITY, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FEWEST = 3  # so many may always end at once, however few there are
SHARE = 0.5  # of all hosts of services: a region may go, and a mistake in a file is held
TELLS = frozenset({State.UP, State.DEGRADED, State.DENIED})  # of Keystone: it gave a token and a catalogue


@dataclass(frozen=True, slots=True)
class ServiceHost:
    """The host of a service as Zabbix has it; ``host`` is its technical name."""

    hostid: str
    host: str
    cloud: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One service of the newest round; ``host`` is what its host in Zabbix is called."""

    host: str
    cloud: str
    kind: str
    state: State


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when a service is gone, and when Argus disabled its host; seconds since the epoch."""

    gone_since: float
    disabled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What to do now, and what to remember; ``held`` says in a line each what was not done, and why."""

    disable: tuple[ServiceHost, ...]
    enable: tuple[ServiceHost, ...]
    remove: tuple[ServiceHost, ...]
    memory: Mapping[str, Absence]
    held: tuple[str, ...] = ()


def decide(
    hosts: Sequence[ServiceHost],
    seen: Sequence[Seen],
    memory: Mapping[str, Absence],
    disable_after: float,
    remove_after: float,
    now: float,
) -> Ending:
    """Decide about each host; ``seen`` is a round that is fresh.

    A host that somebody else disabled is left alone; one that somebody enabled again is not removed.
    """
    there = {each.host for each in seen}
    absent = _absences(hosts, seen, memory, now)
    back = [host for host in hosts if host.host in there and not host.enabled and _ours(memory, host)]
    gone = [(host, known) for host in hosts if (known := absent.get(host.host)) is not None]
    disable = [h for h, known in gone if h.enabled and known.gone_since <= now - disable_after]
    remove = [
        h
        for h, known in gone
        if not h.enabled and known.disabled_at is not None and known.gone_since <= now - remove_after
    ]
    most = max(FEWEST, int(SHARE * len(hosts)))
    held = tuple(
        f"{len(many)} of {len(hosts)} services are gone at once, more than half: their hosts are not {word}; "
        "look at services.yaml and the catalogue, and delete the hosts by hand if they really are gone"
        for word, many in (("disabled", disable), ("removed", remove))
        if len(many) > most
    )
    disable = disable if len(disable) <= most else []
    remove = remove if len(remove) <= most else []
    disabled = {host.host: replace(absent[host.host], disabled_at=now) for host in disable}
    return Ending(tuple(disable), tuple(back), tuple(remove), {**absent, **disabled}, held)


def _absences(
    hosts: Sequence[ServiceHost], seen: Sequence[Seen], memory: Mapping[str, Absence], now: float
) -> dict[str, Absence]:
    """Since when each host's service is gone; nothing of a cloud that cannot be asked, not even its past.

    What was gone before Keystone fell silent begins anew afterwards, but that a host was disabled is kept.
    """
    there, blind = {each.host for each in seen}, _blind(seen)
    found = {}
    for host in hosts:
        known = memory.get(host.host)
        if host.host in there or (known is None and host.cloud in blind):
            continue
        since = now if known is None or host.cloud in blind else known.gone_since
        disabled = None if known is None or host.enabled else known.disabled_at
        found[host.host] = Absence(since, disabled)
    return found


def _ours(memory: Mapping[str, Absence], host: ServiceHost) -> bool:
    known = memory.get(host.host)
    return known is not None and known.disabled_at is not None


def _blind(seen: Sequence[Seen]) -> set[str]:
    """Return the clouds of which the round cannot know what they have: no Keystone of theirs answers."""
    keystones: defaultdict[str, set[State]] = defaultdict(set)
    for each in seen:
        if each.kind == IDENTITY:
            keystones[each.cloud].add(each.state)
    return {cloud for cloud, states in keystones.items() if not states & TELLS}
