"""The correlator's account: a role, a user group and a user with only the rights that it needs."""

from __future__ import annotations

import secrets
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from argus.zabbix.api import ZabbixError
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
from argus.zabbix.user_group import refuse_foreign

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API, role object.
_TYPE_ADMIN = 2  # the least that may change a host; which ones is the user group's affair
_ALLOW_LISTED = 1


class Role:
    """A role of type Admin that may call the listed API methods and acknowledge."""

    title = "role"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the role; what an administrator allowed in addition stays."""
        found = zabbix.read(
            "role.get",
            output=["roleid", "type"],
            filter={"name": [ROLE]},
            selectRules="extend",
            selectUsers=["username"],
        )
        if not found:
            details = (f"may call {', '.join(API_METHODS)}",)
            return [Change(CREATE, "role", ROLE, details, lambda: _create_role(zabbix))]
        role = found[0]
        refuse_foreign(zabbix, "role", ROLE, role["users"])
        rules, lacking = missing_rules(role["rules"], _actions(zabbix))
        if role["type"] != str(_TYPE_ADMIN):
            lacking.append("the type Admin")
        if not lacking:
            return []
        return [
            Change(
                UPDATE,
                "role",
                ROLE,
                tuple(f"lacks {what}" for what in lacking),
                lambda: zabbix.call("role.update", roleid=role["roleid"], type=_TYPE_ADMIN, rules=rules),
            )
        ]


def missing_rules(there: dict[str, Any], actions: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Return the rules to send, and what was lacking; rules that are not sent stay as they are."""
    rules: dict[str, Any] = {}
    lacking: list[str] = []
    if there["api.access"] != "1":
        lacking.append("API access")
    listed = list(there.get("api", []))
    # Without access there is no mode: a list of what is denied would then allow everything.
    allowing = there["api.access"] != "1" or there["api.mode"] == str(_ALLOW_LISTED)
    missing = [method for method in API_METHODS if _is_listed(method, listed) is not allowing]
    if lacking or missing:
        hidden = [entry for entry in listed if any(_is_listed(method, [entry]) for method in missing)]
        methods = sorted({*listed, *API_METHODS}) if allowing else [e for e in listed if e not in hidden]
        rules |= {"api.access": 1, "api.mode": int(allowing), "api": methods}
    enabled = {action["name"] for action in there["actions"] if action["status"] == "1"}
    disabled = [name for name in actions if name not in enabled]
    if disabled:
        rules["actions"] = [{"name": name, "status": 1} for name in disabled]
    return rules, [*missing, *lacking, *(f"action {name}" for name in disabled)]


def _is_listed(method: str, entries: list[str]) -> bool:
    """Entries may be masks: ``host.*``, ``*.get``, ``*``."""
    return any(fnmatchcase(method, entry) for entry in entries)


def _create_role(zabbix: Zabbix) -> None:
    rules = {
        "ui": [{"name": name, "status": 1} for name in UI_ELEMENTS],
        "ui.default_access": 0,
        "modules.default_access": 0,
        "api.access": 1,
        "api.mode": _ALLOW_LISTED,
        "api": sorted(API_METHODS),
        "actions": [{"name": name, "status": 1} for name in _actions(zabbix)],
        "actions.default_access": 0,
    }
    zabbix.call("role.create", name=ROLE, type=_TYPE_ADMIN, rules=rules)


def _actions(zabbix: Zabbix) -> tuple[str, ...]:
    return (*UI_ACTIONS, RANK_ACTION) if zabbix.version >= RANKS_SINCE else UI_ACTIONS


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
        if roles.get(ROLE) != user["roleid"] and groups.get(USER_GROUP) not in member_of:
            raise ZabbixError(
                f"{zabbix.url} has a user {USER!r} that is not ours: it has neither the role {ROLE!r} nor "
                f"the group {USER_GROUP!r}; rename it, or put it into the group, then run this again"
            )
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
