"""The correlator's account: a role, a user group and a user with only the rights that it needs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import (
    API_METHODS,
    GUESTS_GROUP,
    HOST_GROUPS,
    NODES_GROUP,
    ROLE,
    UI_ACTIONS,
    UI_ELEMENTS,
    USER,
    USER_GROUP,
)
from argus.zabbix.groups import group_ids, need

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API: role, user group.
_TYPE_ADMIN = 2  # the least that may change a host; which ones is the user group's affair
_ALLOW_LISTED = 1
_READ, _READ_WRITE = 2, 3
_NO_FRONTEND = 3

_RIGHTS = {NODES_GROUP: _READ, GUESTS_GROUP: _READ_WRITE}
_MAY = {_READ: "read", _READ_WRITE: "change"}


class Role:
    """A role of type Admin that may call the listed API methods and acknowledge, and nothing else."""

    title = "role"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the role; methods that an administrator allowed in addition stay."""
        found = zabbix.read(
            "role.get", output=["roleid", "type"], filter={"name": [ROLE]}, selectRules="extend"
        )
        if not found:
            details = (f"may call {', '.join(API_METHODS)}",)
            return [Change(CREATE, "role", ROLE, details, lambda: _create_role(zabbix))]
        rules = found[0]["rules"]
        allowed = list(rules["api"]) if rules["api.mode"] == str(_ALLOW_LISTED) else []
        missing = [method for method in API_METHODS if method not in allowed]
        enabled = {action["name"] for action in rules["actions"] if action["status"] == "1"}
        lacking = [f"action {name}" for name in UI_ACTIONS if name not in enabled]
        if rules["api.access"] != "1":
            lacking.append("API access")
        if found[0]["type"] != str(_TYPE_ADMIN):
            lacking.append("the type Admin")
        if not missing and not lacking:
            return []
        roleid, wanted = found[0]["roleid"], _rules({*allowed, *API_METHODS})
        return [
            Change(
                UPDATE,
                "role",
                ROLE,
                tuple(f"lacks {what}" for what in (*missing, *lacking)),
                lambda: zabbix.call("role.update", roleid=roleid, type=_TYPE_ADMIN, rules=wanted),
            )
        ]


def _create_role(zabbix: Zabbix) -> None:
    zabbix.call("role.create", name=ROLE, type=_TYPE_ADMIN, rules=_rules(set(API_METHODS)))


def _rules(methods: set[str]) -> dict[str, Any]:
    return {
        "ui": [{"name": name, "status": 1} for name in UI_ELEMENTS],
        "ui.default_access": 0,
        "modules.default_access": 0,
        "api.access": 1,
        "api.mode": _ALLOW_LISTED,
        "api": sorted(methods),
        "actions": [{"name": name, "status": 1} for name in UI_ACTIONS],
        "actions.default_access": 0,
    }


class UserGroup:
    """Members may read the hosts of nodes and change those of guests; they do not log in to the web pages."""

    title = "user group"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the group; rights that an administrator added stay."""
        ids = group_ids(zabbix, HOST_GROUPS)
        found = zabbix.read(
            "usergroup.get",
            output=["usrgrpid"],
            filter={"name": [USER_GROUP]},
            **{f"select{_rights(zabbix, capital=True)}": "extend"},
        )
        if not found:
            details = tuple(f"may {_MAY[permission]} {name}" for name, permission in _RIGHTS.items())
            return [Change(CREATE, "user group", USER_GROUP, details, lambda: _create_group(zabbix))]
        rights = [{"id": r["id"], "permission": int(r["permission"])} for r in found[0][_rights(zabbix)]]
        known = {right["id"]: right["permission"] for right in rights}
        missing = [name for name, least in _RIGHTS.items() if known.get(ids.get(name, ""), 0) < least]
        if not missing:
            return []
        return [
            Change(
                UPDATE,
                "user group",
                USER_GROUP,
                tuple(f"cannot {_MAY[_RIGHTS[name]]} {name}" for name in missing),
                lambda: _grant(zabbix, found[0]["usrgrpid"], rights, missing),
            )
        ]


def _rights(zabbix: Zabbix, *, capital: bool = False) -> str:
    """The member that carries rights on host groups; templates' groups have their own since 6.2."""
    if capital:
        return "HostGroupRights" if zabbix.has_template_groups else "Rights"
    return "hostgroup_rights" if zabbix.has_template_groups else "rights"


def _wanted_rights(zabbix: Zabbix, names: tuple[str, ...] | list[str]) -> list[dict[str, Any]]:
    ids = group_ids(zabbix, names)
    return [{"id": need("host group", ids, name), "permission": _RIGHTS[name]} for name in names]


def _create_group(zabbix: Zabbix) -> None:
    rights = {_rights(zabbix): _wanted_rights(zabbix, HOST_GROUPS)}
    zabbix.call("usergroup.create", name=USER_GROUP, gui_access=_NO_FRONTEND, **rights)


def _grant(zabbix: Zabbix, usrgrpid: str, rights: list[dict[str, Any]], missing: list[str]) -> None:
    ours = _wanted_rights(zabbix, missing)
    others = [right for right in rights if right["id"] not in {our["id"] for our in ours}]
    wanted = {_rights(zabbix): [*others, *ours]}
    zabbix.call("usergroup.update", usrgrpid=usrgrpid, **wanted)


class User:
    """The user that the token belongs to; its password is random and known to nobody."""

    title = "user"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the user; further groups that an administrator put it in stay."""
        found = zabbix.read(
            "user.get", output=["userid", "roleid"], filter={"username": [USER]}, selectUsrgrps=["usrgrpid"]
        )
        if not found:
            details = (f"role {ROLE}, group {USER_GROUP}",)
            return [Change(CREATE, "user", USER, details, lambda: _create_user(zabbix))]
        user = found[0]
        roles, groups = _role_ids(zabbix), _user_group_ids(zabbix)
        member_of = [group["usrgrpid"] for group in user["usrgrps"]]
        lacking = []
        if roles.get(ROLE) != user["roleid"]:
            lacking.append(f"does not have the role {ROLE}")
        if groups.get(USER_GROUP) not in member_of:
            lacking.append(f"is not in the group {USER_GROUP}")
        if not lacking:
            return []
        return [
            Change(
                UPDATE,
                "user",
                USER,
                tuple(lacking),
                lambda: _update_user(zabbix, user["userid"], member_of),
            )
        ]


def _create_user(zabbix: Zabbix) -> None:
    zabbix.call(
        "user.create",
        username=USER,
        passwd=secrets.token_urlsafe(32),
        roleid=need("role", _role_ids(zabbix), ROLE),
        usrgrps=[{"usrgrpid": need("user group", _user_group_ids(zabbix), USER_GROUP)}],
    )


def _update_user(zabbix: Zabbix, userid: str, member_of: list[str]) -> None:
    ours = need("user group", _user_group_ids(zabbix), USER_GROUP)
    zabbix.call(
        "user.update",
        userid=userid,
        roleid=need("role", _role_ids(zabbix), ROLE),
        usrgrps=[{"usrgrpid": group} for group in dict.fromkeys([*member_of, ours])],
    )


def _role_ids(zabbix: Zabbix) -> dict[str, str]:
    found = zabbix.read("role.get", output=["roleid", "name"], filter={"name": [ROLE]})
    return {role["name"]: role["roleid"] for role in found}


def _user_group_ids(zabbix: Zabbix) -> dict[str, str]:
    found = zabbix.read("usergroup.get", output=["usrgrpid", "name"], filter={"name": [USER_GROUP]})
    return {group["name"]: group["usrgrpid"] for group in found}
