"""What the correlator reads from Zabbix: open problems, and the newest values of every node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from argus.catalogue import METRICS, agent, node_pressure
from argus.catalogue.model import Kind, Metric
from argus.correlator.facts import NodeValues, Problem
from argus.render.items import HEARTBEAT_KEY
from argus.render.names import NODE_HOST, host_of
from argus.render.triggers import IDENT_TAG
from argus.zabbix.api import PAGE, ZabbixDeniedError
from argus.zabbix.desired import CORRELATOR, HOST_GROUPS, NODES_GROUP
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from argus.zabbix.api import Zabbix

# A value this much older than the node's newest one is no longer sent, hence unknown.
STALE_AFTER = 300.0  # s
# An unchanged text is stored once an hour only (argus.render.items.INFO_HEARTBEAT).
TEXT_STALE_AFTER = 2 * 3600.0  # s

ENOUGH = 3  # nodes, whose silence all at once is rather their Zabbix'
WORST = 5  # of Zabbix' severities: disaster
TAG_EXISTS = 4  # operator of tags=

# By key. Counters are rates in Zabbix; their totals cannot be had back. A rate is worth something to a rule
# only where it means something by itself: seconds lost a second are a share of time.
_NODE_METRICS = {
    metric.zabbix_key: metric
    for metric in METRICS
    if host_of(metric.entity) == NODE_HOST
    and not metric.entity.own_labels
    and (metric.kind is not Kind.COUNTER or metric in node_pressure.JUDGED)
}


def read_problems(zabbix: Zabbix) -> tuple[Problem, ...]:
    """Return every open problem of the hosts in Argus' groups (``problem.get``, ``trigger.get``).

    Complete, or a ``ZabbixError``: half a list would look like problems that are over.  A problem on
    several hosts is listed once, under the first of them by name.
    """
    return _read_problems(zabbix, {"groupids": list(_groups(zabbix, HOST_GROUPS).values())})


def read_foreign_problems(zabbix: Zabbix, severity: int, known: Collection[Problem]) -> tuple[Problem, ...]:
    """Return the open problems of at least a severity of all other hosts that the token may read.

    ``known`` are those of Argus' own groups.  Complete, or a ``ZabbixError``.
    """
    mine = {problem.eventid for problem in known}
    found = _read_problems(zabbix, {"severities": list(range(severity, WORST + 1))})
    return tuple(replace(each, foreign=True) for each in found if each.eventid not in mine)


def shown_triggers(zabbix: Zabbix, ids: Collection[str]) -> frozenset[str]:
    """Return those of the triggers that there are and that the token may read (``trigger.get``)."""
    found: set[str] = set()
    for page in _pages(sorted(ids)):
        rows = zabbix.read("trigger.get", output=["triggerid"], triggerids=page)
        found.update(row["triggerid"] for row in rows)
    return frozenset(found)


def _read_problems(zabbix: Zabbix, which: Mapping[str, Any]) -> tuple[Problem, ...]:
    rows = list(
        zabbix.read_pages(
            "problem.get",
            "eventid",
            output=["eventid", "objectid", "name", "severity", "clock", "ns", "acknowledged", "suppressed"],
            source=0,
            object=0,
            selectTags="extend",
            **which,
        )
    )
    hosts = _hosts_of_triggers(zabbix, sorted({row["objectid"] for row in rows}))
    # Left out, as on Zabbix' own pages: triggers deleted or disabled meanwhile, or whose host was.
    return tuple(_problem(row, hosts[row["objectid"]]) for row in rows if row["objectid"] in hosts)


def read_unseen(zabbix: Zabbix, hosts: Collection[str]) -> tuple[str, ...]:
    """Return which of these hosts Zabbix does not show (``host.get``), by technical name.

    Deleted, or out of sight for the token's user: what was wrong there is unknown, not over.
    """
    there: set[str] = set()
    for page in _pages(sorted(hosts)):
        there |= {row["host"] for row in zabbix.read("host.get", output=["host"], filter={"host": page})}
    return tuple(sorted(set(hosts) - there))


def read_event_ids(zabbix: Zabbix, after: int) -> list[int]:
    """Return the ids of events that began a problem of a trigger of Argus (``event.get``), the newest first.

    ``after`` is an id to begin behind; there are ``PAGE`` at most.
    """
    rows = zabbix.read(
        "event.get",
        output=["eventid"],
        source=0,
        object=0,
        value=1,
        tags=[{"tag": IDENT_TAG, "operator": TAG_EXISTS}],
        sortfield=["eventid"],
        sortorder="DESC",
        limit=PAGE,
        eventid_from=str(after + 1),
    )
    return [int(row["eventid"]) for row in rows]


def _problem(row: Mapping[str, Any], hosts: tuple[str, ...]) -> Problem:
    every = [(tag["tag"], tag["value"]) for tag in row["tags"]]
    tags = dict(reversed(every))
    return Problem(
        eventid=row["eventid"],
        host=hosts[0],
        name=row["name"],
        severity=int(row["severity"]),
        clock=int(row["clock"]) + int(row["ns"]) / 1e9,
        tags=tags,
        acknowledged=row["acknowledged"] == "1",
        suppressed=row["suppressed"] == "1",
        trigger_ident=tags.get(IDENT_TAG, ""),
        trigger_id=row["objectid"],
        more_tags=tuple(tag for tag in every if tag not in tags.items()),
        also_on=hosts[1:],
    )


def _hosts_of_triggers(zabbix: Zabbix, triggerids: list[str]) -> dict[str, tuple[str, ...]]:
    hosts: dict[str, tuple[str, ...]] = {}
    for page in _pages(triggerids):
        found = zabbix.read(
            "trigger.get", output=["triggerid"], triggerids=page, monitored=True, selectHosts=["host"]
        )
        hosts |= {row["triggerid"]: tuple(sorted(host["host"] for host in row["hosts"])) for row in found}
    return hosts


def read_proxies(zabbix: Zabbix) -> tuple[tuple[str, str, float], ...]:
    """Return id, name and when the server last heard of it, in seconds, of every proxy (``proxy.get``)."""
    named = "name" if zabbix.version >= (7, 0) else "host"
    rows = zabbix.read("proxy.get", output=["proxyid", named, "lastaccess"])
    return tuple((row["proxyid"], row[named], float(row["lastaccess"])) for row in rows)


def read_pulse(
    zabbix: Zabbix, nodes: Collection[NodeValues], proxies: Collection[tuple[str, float]]
) -> float | None:
    """Return what changes as long as Zabbix' server lives and writes; ``None`` where nothing tells.

    The clock of an item that the server asks itself (``item.get``).  Where that is missing, not collected or
    has no value yet: the sum of the newest clocks of nodes and proxies, if there are enough of them that not
    all fall silent at once by themselves.
    """
    found = zabbix.read(
        "item.get",
        output=["lastclock"],
        host=CORRELATOR,
        monitored=True,
        filter={"key_": HEARTBEAT_KEY, "state": 0},
        selectHosts=["maintenance_status", "maintenance_type"],
    )
    for item in found:
        collected = all(
            host["maintenance_status"] == "0" or host["maintenance_type"] == "0" for host in item["hosts"]
        )
        if collected and item["lastclock"] != "0":
            return float(item["lastclock"])
    if len(nodes) < ENOUGH:
        return None
    return sum(node.at for node in nodes) + sum(seen for _, seen in proxies)


def read_node_values(
    zabbix: Zabbix,
    wanted: Iterable[Metric] | None = None,
    *,
    place_tags: Collection[str] = (),
    proxies: Mapping[str, str] | None = None,
) -> tuple[NodeValues, ...]:
    """Return the newest values of every enabled node, in base units, by ``Metric.field``.

    Gauges, states and texts of the node itself, and its pressure as shares of time; a value that never came,
    or that stopped coming while others did, is absent (``item.get`` lastvalue, lastclock).  Complete, or a
    ``ZabbixError``.

    ``wanted`` limits it to some metrics: Zabbix looks each item's newest value up by itself, so that a
    large fleet should ask for no more than it judges by.  The value that tells whether the node reports
    at all is always among them.  ``place_tags`` are the host tags that name what nodes share, ``proxies`` the
    names of proxies by id.
    """
    keys = list(_NODE_METRICS)
    if wanted is not None:
        keys = sorted({metric.zabbix_key for metric in (agent.CYCLE, *wanted)} & _NODE_METRICS.keys())
    group = _groups(zabbix, (NODES_GROUP,))[NODES_GROUP]
    by_proxy = "proxyid" if zabbix.version >= (7, 0) else "proxy_hostid"
    hosts = zabbix.read(
        "host.get",
        output=["hostid", "host", "maintenance_status", by_proxy],
        selectTags=["tag", "value"],
        groupids=[group],
        monitored_hosts=True,
    )
    names = {row["hostid"]: row["host"] for row in hosts}
    behind = proxies or {}
    within = {row["hostid"]: _within(row, place_tags, behind.get(row[by_proxy], "")) for row in hosts}
    maintenance = {row["hostid"]: row["maintenance_status"] == "1" for row in hosts}
    items: dict[str, list[Mapping[str, str]]] = {hostid: [] for hostid in names}
    for page in _pages(sorted(names)):
        for item in zabbix.read(
            "item.get",
            output=["hostid", "key_", "lastvalue", "lastclock", "lastns"],
            hostids=page,
            filter={"key_": keys, "status": 0},
        ):
            items[item["hostid"]].append(item)
    return tuple(
        replace(node_values(names[hostid], rows), within=within[hostid], in_maintenance=maintenance[hostid])
        for hostid, rows in items.items()
    )


def _within(host: Mapping[str, Any], place_tags: Collection[str], proxy: str) -> tuple[str, ...]:
    """What a node shares with others: its proxy, and the tags that say so."""
    places = [f"{tag['tag']}:{tag['value']}" for tag in host["tags"] if tag["tag"] in place_tags]
    return (*([f"proxy:{proxy}"] if proxy else []), *sorted(places))


def node_values(host: str, items: Iterable[Mapping[str, str]]) -> NodeValues:
    """Make the values of a node out of rows of ``item.get``."""
    came = [(_NODE_METRICS[row["key_"]], row, _clock(row)) for row in items if row["lastclock"] != "0"]
    newest = max((at for _, _, at in came), default=0.0)
    current = [
        (metric, row, at)
        for metric, row, at in came
        if newest - at <= (TEXT_STALE_AFTER if metric.kind is Kind.INFO else STALE_AFTER)
    ]
    return NodeValues(
        host,
        {metric.field: _base_value(metric, row["lastvalue"]) for metric, row, _ in current},
        newest,
        {metric.field: at for metric, _, at in current},
    )


def _clock(row: Mapping[str, str]) -> float:
    return int(row["lastclock"]) + int(row.get("lastns", 0)) / 1e9


def _base_value(metric: Metric, text: str) -> float | str:
    return text if metric.kind is Kind.INFO else float(text) / metric.zabbix_scale


def _groups(zabbix: Zabbix, names: tuple[str, ...]) -> dict[str, str]:
    """The ids of the groups; not to see one is trouble, not "no problems"."""
    ids = group_ids(zabbix, names)
    missing = [name for name in names if name not in ids]
    if missing:
        raise ZabbixDeniedError(
            f"{zabbix.url}: host group {' and '.join(missing)} is missing, or the token may not read it; "
            "run `argus zabbix apply`"
        )
    return ids


def _pages(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]
