"""The hosts of guests in Zabbix: read them as they are, and change name, tags, groups and status."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from argus.catalogue import allocation, guest_info, guest_state, libvirt
from argus.correlator.guest_life import OUR_GROUPS, GuestHost, NodeReport
from argus.zabbix.api import PAGE, ZabbixDeniedError, ZabbixError
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.feeds import read_node_values
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from argus.correlator.guest_life import Identity
    from argus.zabbix.api import Zabbix

log = logging.getLogger(__name__)

AT_ONCE = 50  # hosts in one request that writes: Zabbix checks each, and others wait for its tables
_DISABLED = 1
_FACTS = {
    metric.zabbix_key: metric.name
    for metric in (
        guest_info.NAME,
        guest_info.NODE,
        guest_info.PROJECT,
        guest_info.PROJECT_NAME,
        guest_info.FLAVOR,
    )
}


def read_guests(zabbix: Zabbix, alive: Callable[[], None]) -> list[GuestHost]:
    """Return every host in ``Argus/Guests``, disabled ones too.  Complete, or a ``ZabbixError``."""
    groupid = group_ids(zabbix, (GUESTS_GROUP,)).get(GUESTS_GROUP)
    if groupid is None:
        raise ZabbixDeniedError(
            f"{zabbix.url}: host group {GUESTS_GROUP} is missing, or the token may not read it; "
            "run `argus zabbix apply`"
        )
    rows = list(
        zabbix.read_pages(
            "host.get",
            "hostid",
            groupids=[groupid],
            output=["hostid", "host", "name", "status"],
            selectTags=["tag", "value"],
            **{zabbix.select_host_groups: ["name"]},
        )
    )
    values = _values(zabbix, [row["hostid"] for row in rows], alive)
    return [_guest(row, values.get(row["hostid"], {})) for row in rows]


def _values(
    zabbix: Zabbix, hostids: Sequence[str], alive: Callable[[], None]
) -> dict[str, dict[str, Mapping[str, str]]]:
    """The newest values of what tells who a guest is and whether it reports, by host and key."""
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    keys = [guest_state.STATE.zabbix_key, *_FACTS]
    for start in range(0, len(hostids), PAGE):
        alive()
        for item in zabbix.read(
            "item.get",
            hostids=list(hostids[start : start + PAGE]),
            output=["hostid", "key_", "lastvalue", "lastclock"],
            filter={"key_": keys},
        ):
            if item["lastclock"] != "0":
                found.setdefault(item["hostid"], {})[item["key_"]] = item
    return found


def _guest(row: Mapping[str, Any], values: Mapping[str, Mapping[str, str]]) -> GuestHost:
    groups = row.get("hostgroups", row.get("groups", ()))
    state, node = values.get(guest_state.STATE.zabbix_key), values.get(guest_info.NODE.zabbix_key)
    return GuestHost(
        hostid=row["hostid"],
        uuid=row["host"],
        visible=row["name"],
        enabled=row["status"] != str(_DISABLED),
        tags=tuple(sorted((tag["tag"], tag["value"]) for tag in row["tags"])),
        groups=frozenset(group["name"] for group in groups),
        facts={_FACTS[key]: item["lastvalue"] for key, item in values.items() if key in _FACTS},
        at=float(state["lastclock"]) if state else 0.0,
        node_since=float(node["lastclock"]) if node else 0.0,
    )


def read_nodes(zabbix: Zabbix, fresh: float, now: float) -> list[NodeReport]:
    """Return how many guests each node has defined; ``None`` where it, or its libvirtd, does not answer."""
    return [
        NodeReport(
            node.host,
            int(guests)
            if (guests := node.number(allocation.GUESTS.field)) is not None
            and node.number(libvirt.UP.field) == 1
            and min(node.clock(allocation.GUESTS.field), node.clock(libvirt.UP.field)) > now - fresh
            else None,
        )
        for node in read_node_values(zabbix, [allocation.GUESTS, libvirt.UP])
    ]


def existing_groups(zabbix: Zabbix) -> dict[str, str]:
    """Return the groups by project and node that there are, with their ids."""
    found = zabbix.read(
        "hostgroup.get",
        output=["groupid", "name"],
        search={"name": list(OUR_GROUPS)},
        startSearch=True,
        searchByAny=True,
    )
    return {group["name"]: group["groupid"] for group in found}


def change_identities(zabbix: Zabbix, changes: Sequence[Identity], groups: Mapping[str, str]) -> int:
    """Give hosts their names, tags and groups; returns how many could not be changed, each of them logged."""
    bodies = {change.hostid: _body(change) for change in changes}
    failed = each(zabbix, "host.update", [body for body in bodies.values() if len(body) > 1])
    for method, wanted in (("massadd", "join"), ("massremove", "leave")):
        by_group: dict[str, list[str]] = {}
        for change in changes:
            for name in getattr(change, wanted):
                by_group.setdefault(groups[name], []).append(change.hostid)
        for groupid, hostids in by_group.items():
            _move(zabbix, method, groupid, hostids)
    return failed


def _body(change: Identity) -> dict[str, Any]:
    body: dict[str, Any] = {"hostid": change.hostid}
    if change.visible is not None:
        body["name"] = change.visible
    if change.tags is not None:
        body["tags"] = [{"tag": tag, "value": value} for tag, value in change.tags]
    return body


def _move(zabbix: Zabbix, method: str, groupid: str, hostids: Sequence[str]) -> None:
    for start in range(0, len(hostids), AT_ONCE):
        page = list(hostids[start : start + AT_ONCE])
        if method == "massadd":
            hosts = [{"hostid": hostid} for hostid in page]
            zabbix.call("hostgroup.massadd", groups=[{"groupid": groupid}], hosts=hosts)
        else:
            zabbix.call("hostgroup.massremove", groupids=[groupid], hostids=page)


def set_status(zabbix: Zabbix, hosts: Iterable[GuestHost], *, enabled: bool) -> None:
    """Enable or disable hosts."""
    status = 0 if enabled else _DISABLED
    each(zabbix, "host.update", [{"hostid": host.hostid, "status": status} for host in hosts])


def remove(zabbix: Zabbix, hosts: Sequence[GuestHost]) -> None:
    """Delete hosts with all their history."""
    for start in range(0, len(hosts), AT_ONCE):
        zabbix.call("host.delete", *(host.hostid for host in hosts[start : start + AT_ONCE]))


def each(zabbix: Zabbix, method: str, bodies: Sequence[dict[str, Any]]) -> int:
    """Make or change hosts in a few requests; returns how many Zabbix refused, each of them logged.

    One that is refused (another host has its name) stops no other.
    """
    failed = 0
    for start in range(0, len(bodies), AT_ONCE):
        page = bodies[start : start + AT_ONCE]
        try:
            zabbix.call(method, *page)
        except ZabbixDeniedError:
            raise
        except ZabbixError as exc:
            if len(page) == 1:
                log.warning("host %s: %s", page[0].get("host") or page[0]["hostid"], exc)
                failed += 1
                continue
            for body in page:
                failed += each(zabbix, method, [body])
    return failed
