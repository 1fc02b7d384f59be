"""What becomes of a guest's host in Zabbix: its name, tags and groups, and its end.  Pure.

A guest is gone only when its node says so: the node reports, its libvirtd answers, and as many guests as it
has defined do report, so that the silent one is not among them.  Silence alone means nothing: an agent that
is away, a node that is down or a Zabbix that refuses values look the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST_NAME = 128  # of a host in Zabbix, in characters
FEWEST = 3  # so many may always end at once, however small the fleet
NAMED = 3  # groups that a line names; the rest is counted
RETRY_SECONDS = 3600.0  # a retired host is tried again at most this often


@dataclass(frozen=True, slots=True)
class GuestHost:
    """The host of a guest as Zabbix has it.

    ``at`` is when the guest last reported, in seconds since the epoch, 0 when not within a day.  ``facts``
    are the texts of ``guest_info`` by name; ``node_since`` is when ``facts["node"]`` was last written.
    """

    hostid: str
    uuid: str
    visible: str
    enabled: bool
    tags: tuple[tuple[str, str], ...]
    groups: frozenset[str]
    facts: Mapping[str, str]
    at: float
    node_since: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node says about its guests: ``guests`` are those defined there, ``None`` when it cannot know."""

    host: str
    guests: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a guest: its last node, since when it is gone, when Argus disabled its host."""

    node: str = ""
    gone_since: float | None = None
    disabled_at: float | None = None
    tried_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a guest may be gone before its host is disabled and removed, and how many at once (0 to 1)."""

    fresh: float = 120.0
    disable_after: float = 600.0
    remove_after: float = 7 * 86400.0
    share: float = 0.1
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A host's name, tags and groups as they ought to be; ``None`` for what is so already."""

    hostid: str
    visible: str | None
    tags: tuple[tuple[str, str], ...] | None
    join: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now; ``held`` says in a line each what was not done, and why."""

    identities: tuple[Identity, ...] = ()
    gone: tuple[str, ...] = ()
    disable: tuple[GuestHost, ...] = ()
    enable: tuple[GuestHost, ...] = ()
    remove: tuple[GuestHost, ...] = ()
    held: tuple[str, ...] = field(default=())


ZONE_TAG = "az"
OUR_TAGS = {"project": "project_name", "flavor": "flavor", "node": "node", ZONE_TAG: ZONE_TAG}
"""Our tags, and the fact that each tells; a group by a tag is ``Argus/Guests/TAG FACT``."""
GROUP_BY = tuple(OUR_TAGS)
OUR_GROUPS = tuple(f"Argus/Guests/{by} " for by in GROUP_BY)


def visible_name(facts: Mapping[str, str], uuid: str) -> str:
    """``name (uuid)``: unique whatever guests are called, and short enough for Zabbix."""
    name = " ".join(facts.get("name", "").split())
    room = LONGEST_NAME - len(uuid) - len(" ()")
    return f"{name[:room].rstrip()} ({uuid})" if name and room > 0 else uuid


def group_names(facts: Mapping[str, str], group_by: Sequence[str]) -> tuple[str, ...]:
    """The groups of a guest below ``Argus/Guests``; a slash in a name would nest them deeper."""
    safe = {name: text.replace("/", "-").strip() for name, text in facts.items()}
    known = ((by, safe.get(OUR_TAGS[by])) for by in group_by)
    return tuple(f"Argus/Guests/{by} {text}" for by, text in known if text)


def identity(host: GuestHost, group_by: Sequence[str], existing: Iterable[str]) -> Identity | None:
    """What to change of a host, ``None`` for nothing; tags and groups of others stay."""
    if not host.facts.get("name"):
        return None  # it has not reported yet: nothing is known about it
    ours = {tag: host.facts[source] for tag, source in OUR_TAGS.items() if host.facts.get(source)}
    # A fact that nobody tells now keeps its tag and group; one that is told to be empty loses them.
    theirs = [tag for tag in host.tags if OUR_TAGS.get(tag[0]) not in host.facts]
    tags = tuple(sorted([*theirs, *ours.items()]))
    wanted = {name for name in group_names(host.facts, group_by) if name in existing}
    unknown = tuple(f"Argus/Guests/{by} " for by in group_by if OUR_TAGS[by] not in host.facts)
    left = {
        group
        for group in host.groups - wanted
        if group_by and group.startswith(OUR_GROUPS) and not group.startswith(unknown)
    }
    name = visible_name(host.facts, host.uuid)
    change = Identity(
        host.hostid,
        name if name != host.visible else None,
        tags if tags != tuple(sorted(host.tags)) else None,
        tuple(sorted(wanted - host.groups)),
        tuple(sorted(left)),
    )
    return change if change != Identity(host.hostid, None, None) else None


def missing_groups(hosts: Iterable[GuestHost], group_by: Sequence[str], existing: Iterable[str]) -> list[str]:
    """A line when there are guests whose groups are not made yet: Zabbix lets only administrators do that."""
    wanted = {name for host in hosts if host.enabled for name in group_names(host.facts, group_by)}
    missing = sorted(wanted - set(existing))
    if not missing:
        return []
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    names = ", ".join(missing[:NAMED])
    return [f"groups of guests are missing in Zabbix: {names}{more}; `argus zabbix apply` makes them"]


def decide(
    hosts: Sequence[GuestHost],
    nodes: Sequence[NodeReport],
    memory: Mapping[str, Memory],
    groups: Iterable[str],
    terms: Terms,
    now: float,
) -> Decision:
    """Decide about every guest; nothing ends that its node has not given up, nor too many at once."""
    existing = frozenset(groups)
    known = {host.uuid: memory.get(host.uuid, Memory()) for host in hosts}
    gone = _gone(hosts, nodes, known, terms, now)
    disable = [
        host
        for host in hosts
        if host.uuid in gone and host.enabled and _since(known[host.uuid], now) <= now - terms.disable_after
    ]
    remove = [host for host in hosts if _is_over(host, known[host.uuid], terms, now)]
    most = max(FEWEST, int(terms.share * len(hosts)))
    held = [
        f"{len(many)} of {len(hosts)} guests are gone at once, more than [guests] share allows ({most}): "
        f"their hosts are not {word}; look whether they really are, and raise share if so"
        for word, many in (("disabled", disable), ("removed", remove))
        if len(many) > most
    ]
    held += missing_groups(hosts, terms.group_by, existing)
    return Decision(
        tuple(c for c in (identity(h, terms.group_by, existing) for h in hosts if h.enabled) if c),
        tuple(sorted(gone)),
        tuple(disable) if len(disable) <= most else (),
        tuple(_returning(hosts, nodes, known, terms, now)),
        tuple(remove) if len(remove) <= most else (),
        tuple(held),
    )


def _since(memory: Memory, now: float) -> float:
    return now if memory.gone_since is None else memory.gone_since


def _reporting(hosts: Iterable[GuestHost], terms: Terms, now: float) -> Counter[str]:
    """Guests that report, by node."""
    return Counter(
        host.facts.get("node", "") for host in hosts if host.enabled and now - host.at < terms.fresh
    )


def _gone(
    hosts: Sequence[GuestHost],
    nodes: Sequence[NodeReport],
    memory: Mapping[str, Memory],
    terms: Terms,
    now: float,
) -> set[str]:
    """Silent guests whose last node accounts for all its guests without them."""
    reporting = _reporting(hosts, terms, now)
    complete = {n.host for n in nodes if n.guests is not None and reporting[n.host] >= n.guests}
    return {
        host.uuid
        for host in hosts
        if now - host.at >= terms.fresh and (host.facts.get("node") or memory[host.uuid].node) in complete
    }


def _is_over(host: GuestHost, memory: Memory, terms: Terms, now: float) -> bool:
    """Whether Argus disabled the host long ago and nobody has enabled it since."""
    return (
        not host.enabled
        and memory.disabled_at is not None
        and memory.gone_since is not None
        and memory.gone_since <= now - terms.remove_after
    )


def _returning(
    hosts: Sequence[GuestHost],
    nodes: Sequence[NodeReport],
    memory: Mapping[str, Memory],
    terms: Terms,
    now: float,
) -> list[GuestHost]:
    """Retired hosts to be tried again, the latest first, where a node has guests that nobody hears of.

    Zabbix refuses values of a disabled host, so that a guest that comes back cannot say so itself.
    """
    reporting = _reporting(hosts, terms, now)
    missing = sum(max(0, node.guests - reporting[node.host]) for node in nodes if node.guests is not None)
    retired = [
        (memory[host.uuid].disabled_at or 0.0, host)
        for host in hosts
        if not host.enabled
        and memory[host.uuid].disabled_at is not None
        and memory[host.uuid].tried_at <= now - RETRY_SECONDS
    ]
    return [host for _, host in sorted(retired, key=lambda pair: -pair[0])[:missing]]
