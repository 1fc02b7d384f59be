"""Hosts that come by certificate, which Zabbix lets nobody register: nodes when asked, guests always."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from argus.catalogue import allocation
from argus.correlator.adoption import Node, adopt
from argus.correlator.capacity.agents import defined
from argus.render.names import GUEST_HOST, NODE_HOST, template_name
from argus.zabbix.api import ZabbixError
from argus.zabbix.desired import GUESTS_GROUP, NODES_GROUP
from argus.zabbix.feeds import read_node_values
from argus.zabbix.groups import group_ids, membership, need
from argus.zabbix.guest_hosts import AT_ONCE, each

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from argus.zabbix.api import Zabbix

log = logging.getLogger(__name__)

CERTIFICATE = "4"  # tls_accept of Zabbix' host object: by certificate, and not otherwise
_PROXY_7 = ("proxyid", "proxy_groupid")


def keep(zabbix: Zabbix, fresh: float, now: float, most: int, alive: Callable[[], None]) -> int:
    """Make and change up to ``most`` hosts of guests on nodes with certificates; returns how many.

    ``fresh``: seconds for which what a node says is of now.  Raises ``ZabbixError``.
    """
    ways = _ways(zabbix, NODES_GROUP)
    certified = {host: way for host, (_, way) in ways.items() if way["tls_accept"] == CERTIFICATE}
    if not certified:
        return 0
    alive()
    asked = (allocation.GUESTS, allocation.GUEST_UUIDS)
    nodes = [
        Node(values.host, guests, certified.get(values.host))
        for values in read_node_values(zabbix, asked)
        if values.clock(allocation.GUESTS.field) > now - fresh and (guests := defined(values)) is not None
    ]
    alive()
    wanted = adopt(nodes, _ways(zabbix, GUESTS_GROUP))
    changed = [{"hostid": hostid, **way} for hostid, way in wanted.change[:most]]
    made = [(uuid, way) for uuid, way in wanted.make[: most - len(changed)]]
    failed = 0
    bodies = _bodies(zabbix, GUESTS_GROUP, GUEST_HOST, made)
    for method, wanted_bodies in (("host.update", changed), ("host.create", bodies)):
        for start in range(0, len(wanted_bodies), AT_ONCE):
            alive()
            failed += each(zabbix, method, wanted_bodies[start : start + AT_ONCE])
    if changed or made:
        log.info("under certificates: %s hosts of guests made, %s follow their node", len(made), len(changed))
    return len(changed) + len(made) - failed


def make_nodes(zabbix: Zabbix, names: Sequence[str], issuer: str, proxy: str) -> list[str]:
    """Make the hosts of nodes that come by certificate; returns those that were not there.

    ``issuer`` is who must have signed it (empty: anybody whom the server trusts), ``proxy`` the name of the
    proxy that they send to, if any.  Raises ``ZabbixError``, also for a host of that name that is not ours.
    """
    groups = {zabbix.select_host_groups: ["name"]}
    there = zabbix.read("host.get", output=["host"], filter={"host": list(names)}, **groups)
    for row in there:
        if NODES_GROUP not in {group["name"] for group in row.get("hostgroups") or row["groups"]}:
            raise ZabbixError(f"host {row['host']} is not in {NODES_GROUP}, hence not ours: nothing was made")
    way = {"tls_accept": CERTIFICATE, "tls_issuer": issuer, **_behind(zabbix, proxy)}
    missing = sorted(set(names) - {row["host"] for row in there})
    bodies = _bodies(zabbix, NODES_GROUP, NODE_HOST, [(name, way) for name in missing])
    if bodies:
        zabbix.call("host.create", *bodies)
    return missing


def _bodies(
    zabbix: Zabbix, group: str, kind: str, hosts: Sequence[tuple[str, Mapping[str, str]]]
) -> list[dict[str, Any]]:
    if not hosts:
        return []
    ours = membership(zabbix, group, template_name(kind))
    return [{"host": host, **ours, **way} for host, way in hosts]


def _ways(zabbix: Zabbix, group: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the hostid of each host of the group and how its values come, by name."""
    by_proxy = ("monitored_by", *_PROXY_7) if zabbix.version >= (7, 0) else ("proxy_hostid",)
    fields = ("tls_accept", "tls_issuer", *by_proxy)
    groupid = need("host group", group_ids(zabbix, (group,)), group)
    rows = zabbix.read_pages("host.get", "hostid", groupids=[groupid], output=["hostid", "host", *fields])
    return {
        row["host"]: (
            row["hostid"],
            # 7.0 refuses a proxy that is none where ``monitored_by`` says so already; 6.0 wants to be told
            {name: row[name] for name in fields if name not in _PROXY_7 or row[name] != "0"},
        )
        for row in rows
    }


def _behind(zabbix: Zabbix, proxy: str) -> dict[str, str]:
    if not proxy:
        return {}
    since_7 = zabbix.version >= (7, 0)
    named = "name" if since_7 else "host"
    rows = zabbix.read("proxy.get", output=["proxyid"], filter={named: [proxy]})
    if not rows:
        raise ZabbixError(f"{zabbix.url} has no proxy {proxy}")
    proxyid = rows[0]["proxyid"]
    return {"monitored_by": "1", "proxyid": proxyid} if since_7 else {"proxy_hostid": proxyid}
