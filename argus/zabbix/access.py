"""The correlator's account: a role, a user group and a user with only the rights that it needs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import (
    API_METHODS,
    RANK_ACTION,
    RANKS_SINCE,
    ROLE,
    UI_ACTIONS,
    UI_ELEMENTS,
    USER,
    USER_GROUP,
)
from argus.zabbix.groups import need

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API, role object.
_TYPE_ADMIN = 2  # the least that may change a host; which ones is the user group's affair
_ALLOW_LISTED = 1


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
        lacking = [f"action {name}" for name in _actions(zabbix) if name not in enabled]
        if rules["api.access"] != "1":
            lacking.append("API access")
        if found[0]["type"] != str(_TYPE_ADMIN):
            lacking.append("the type Admin")
        if not missing and not lacking:
            return []
        roleid, wanted = found[0]["roleid"], _rules(zabbix, {*allowed, *API_METHODS})
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
    zabbix.call("role.create", name=ROLE, type=_TYPE_ADMIN, rules=_rules(zabbix, set(API_METHODS)))


def _actions(zabbix: Zabbix) -> tuple[str, ...]:
    return (*UI_ACTIONS, RANK_ACTION) if zabbix.version >= RANKS_SINCE else UI_ACTIONS


def _rules(zabbix: Zabbix, methods: set[str]) -> dict[str, Any]:
    return {
        "ui": [{"name": name, "status": 1} for name in UI_ELEMENTS],
        "ui.default_access": 0,
        "modules.default_access": 0,
        "api.access": 1,
        "api.mode": _ALLOW_LISTED,
        "api": sorted(methods),
        "actions": [{"name": name, "status": 1} for name in _actions(zabbix)],
        "actions.default_access": 0,
    }


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
