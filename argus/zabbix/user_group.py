"""The user group of the correlator's account: on which hosts and templates it may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.render.template import TEMPLATE_GROUP
from argus.zabbix.api import ZabbixError
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import (
    FLEETS_GROUP,
    GUESTS_GROUP,
    NODES_GROUP,
    OWN_GROUP,
    SERVICES_GROUP,
    USER,
    USER_GROUP,
)
from argus.zabbix.groups import group_ids, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API, user group object.
_READ, _READ_WRITE = 2, 3
_NO_FRONTEND = 3
_NAMED = 3  # users that a refusal names
_MAY = {_READ: "read", _READ_WRITE: "change"}

_HOSTS = {
    NODES_GROUP: _READ_WRITE,  # the tag of the availability zone
    GUESTS_GROUP: _READ_WRITE,
    SERVICES_GROUP: _READ_WRITE,
    FLEETS_GROUP: _READ_WRITE,
    OWN_GROUP: _READ,  # or it could not be told of the correlator's own problems
}
_TEMPLATES = {TEMPLATE_GROUP: _READ}  # who makes a host must see the template


@dataclass(frozen=True, slots=True)
class _Rights:
    """One member of a user group that carries rights, what is wanted in it, and the groups' ids."""

    member: str
    wanted: Mapping[str, int]
    ids: Mapping[str, str]

    @property
    def select(self) -> str:
        """``hostgroup_rights`` is asked for as ``selectHostGroupRights``."""
        words = {"hostgroup_rights": "HostGroupRights", "templategroup_rights": "TemplateGroupRights"}
        return f"select{words.get(self.member, 'Rights')}"

    def missing(self, row: Mapping[str, Any]) -> list[str]:
        """Names of groups on which the user group has less than it needs."""
        known = {right["id"]: int(right["permission"]) for right in row[self.member]}
        return [name for name, least in self.wanted.items() if known.get(self.ids.get(name, ""), 0) < least]

    def body(self, names: list[str], kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rights of these groups, beside those that others gave."""
        ours = [{"id": need("group", dict(self.ids), n), "permission": self.wanted[n]} for n in names]
        mine = {right["id"] for right in ours}
        others = [{"id": r["id"], "permission": int(r["permission"])} for r in kept if r["id"] not in mine]
        return [*others, *ours]


def _all_rights(zabbix: Zabbix) -> tuple[_Rights, ...]:
    """Rights on hosts and templates: one list before 6.2, when both were in host groups."""
    hosts = group_ids(zabbix, _HOSTS)
    rows = zabbix.read(
        f"{zabbix.template_group_object}.get", output=["groupid", "name"], filter={"name": [*_TEMPLATES]}
    )
    templates = {row["name"]: row["groupid"] for row in rows}
    if zabbix.has_template_groups:
        return (
            _Rights("hostgroup_rights", _HOSTS, hosts),
            _Rights("templategroup_rights", _TEMPLATES, templates),
        )
    return (_Rights("rights", {**_HOSTS, **_TEMPLATES}, {**hosts, **templates}),)


class UserGroup:
    """Members change hosts of nodes, guests, services and fleets, and do not log in to the web pages."""

    title = "user group"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the group; rights that an administrator added stay."""
        rights = _all_rights(zabbix)
        found = zabbix.read(
            "usergroup.get",
            output=["usrgrpid", "gui_access"],
            filter={"name": [USER_GROUP]},
            selectUsers=["username"],
            **{each.select: "extend" for each in rights},
        )
        if not found:
            pairs = [pair for each in rights for pair in each.wanted.items()]
            details = tuple(f"may {_MAY[permission]} {name}" for name, permission in pairs)
            return [Change(CREATE, "user group", USER_GROUP, details, lambda: _create(zabbix))]
        refuse_foreign(zabbix, "user group", USER_GROUP, found[0]["users"])
        if not found[0]["users"] and found[0]["gui_access"] != str(_NO_FRONTEND):
            raise ZabbixError(
                _not_ours(zabbix, "user group", USER_GROUP, "its members may use the web pages")
            )
        lacks = tuple(
            f"cannot {_MAY[each.wanted[name]]} {name}" for each in rights for name in each.missing(found[0])
        )
        if not lacks:
            return []
        return [Change(UPDATE, "user group", USER_GROUP, lacks, lambda: _grant(zabbix, found[0]))]


def refuse_foreign(zabbix: Zabbix, what: str, name: str, users: list[dict[str, str]]) -> None:
    """Refuse what only others use: with our rights they would get those of the correlator."""
    names = [user["username"] for user in users]
    if names and USER not in names:
        raise ZabbixError(_not_ours(zabbix, what, name, f"it is {', '.join(names[:_NAMED])}'s, not {USER}'s"))


def _not_ours(zabbix: Zabbix, what: str, name: str, why: str) -> str:
    return f"{zabbix.url} has a {what} {name!r} that is not ours: {why}; rename it, then run this again"


def _create(zabbix: Zabbix) -> None:
    rights = {each.member: each.body([*each.wanted], []) for each in _all_rights(zabbix)}
    zabbix.call("usergroup.create", name=USER_GROUP, gui_access=_NO_FRONTEND, **rights)


def _grant(zabbix: Zabbix, row: dict[str, Any]) -> None:
    """Asked anew for ids: a group may have been made between plan and here."""
    rights = {r.member: r.body(r.missing(row), row[r.member]) for r in _all_rights(zabbix)}
    zabbix.call("usergroup.update", usrgrpid=row["usrgrpid"], **rights)
