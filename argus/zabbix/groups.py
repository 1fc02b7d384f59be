"""Host groups for nodes and guests, and for what the correlator tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.zabbix.api import ZabbixError
from argus.zabbix.changes import CREATE, Change
from argus.zabbix.desired import ALL_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.zabbix.api import Zabbix


class MissingError(ZabbixError):
    """Something that others refer to is not there (any more)."""


class HostGroups:
    """The groups of nodes, guests, services, fleets and the correlator itself."""

    title = "host groups"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the missing ones."""
        existing = group_ids(zabbix, ALL_GROUPS)
        return [_creation(zabbix, name) for name in ALL_GROUPS if name not in existing]


def _creation(zabbix: Zabbix, name: str) -> Change:
    return Change(CREATE, "host group", name, (), lambda: zabbix.call("hostgroup.create", name=name))


def group_ids(zabbix: Zabbix, names: Iterable[str]) -> dict[str, str]:
    """Return the ids of those host groups that exist, by name."""
    found = zabbix.read("hostgroup.get", output=["groupid", "name"], filter={"name": list(names)})
    return {group["name"]: group["groupid"] for group in found}


def membership(zabbix: Zabbix, group: str, template: str) -> dict[str, Any]:
    """Return the fields of ``host.create`` that put a host into the group and give it the template.

    Raises ``MissingError`` for either.
    """
    rows = zabbix.read("template.get", output=["templateid", "host"], filter={"host": [template]})
    templates = {row["host"]: row["templateid"] for row in rows}
    return {
        "groups": [{"groupid": need("host group", group_ids(zabbix, (group,)), group)}],
        "templates": [{"templateid": need("template", templates, template)}],
    }


def need(what: str, ids: dict[str, str], name: str) -> str:
    """Return the id of ``name``; a ``MissingError`` says that it is missing."""
    if name not in ids:
        raise MissingError(f"there is no {what} {name!r} in Zabbix, or this user may not see it")
    return ids[name]
