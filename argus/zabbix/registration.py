"""Autoregistration actions: nodes and guests become hosts by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.conditions import lacking, widened
from argus.zabbix.desired import REGISTRATIONS, Registration
from argus.zabbix.groups import MissingError, group_ids, need

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API, action object.
_AUTOREGISTRATION = 2
_HOST_METADATA = 24
_MATCHES_REGEX = 8
_ADD_HOST = 2
_ADD_TO_GROUP = 4
_LINK_TEMPLATE = 6


class RegistrationActions:
    """One action for nodes and one for guests."""

    title = "autoregistration"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan missing actions, and actions that lack one of our conditions or operations.

        Further conditions and operations, and an action that was disabled, are an administrator's choice.
        """
        existing = {
            action["name"]: action
            for action in zabbix.read(
                "action.get",
                output=["actionid", "name"],
                filter={"eventsource": _AUTOREGISTRATION, "name": [r.action for r in REGISTRATIONS]},
                selectFilter="extend",
                selectOperations="extend",
            )
        }
        plans = (_plan_action(zabbix, wanted, existing.get(wanted.action)) for wanted in REGISTRATIONS)
        return [change for change in plans if change]


def _plan_action(zabbix: Zabbix, wanted: Registration, existing: dict[str, Any] | None) -> Change | None:
    if existing is None:
        return Change(
            CREATE,
            "autoregistration action",
            wanted.action,
            (f"metadata {wanted.metadata}: group {wanted.group}, template {wanted.template}",),
            lambda: _create(zabbix, wanted),
        )
    operations = [_stored(operation) for operation in existing["operations"]]
    try:
        missing = [name for name, body in _operations(zabbix, wanted) if body not in operations]
    except MissingError as exc:  # planned before this; apply comes here when it is there again
        missing = [str(exc)]
    lacks = lacking(existing["filter"], [_condition(wanted)])
    if lacks:
        missing.insert(0, f"condition metadata {wanted.metadata}")
    if not missing:
        return None
    return Change(
        UPDATE,
        "autoregistration action",
        wanted.action,
        tuple(f"lacks {what}" for what in missing),
        lambda: _update(zabbix, wanted, existing, operations),
    )


def _create(zabbix: Zabbix, wanted: Registration) -> None:
    zabbix.call(
        "action.create",
        name=wanted.action,
        eventsource=_AUTOREGISTRATION,
        filter={"evaltype": 0, "conditions": [_condition(wanted)]},
        operations=[body for _, body in _operations(zabbix, wanted)],
    )


def _update(
    zabbix: Zabbix, wanted: Registration, existing: dict[str, Any], operations: list[dict[str, Any]]
) -> None:
    ours = [body for _, body in _operations(zabbix, wanted)]
    more = lacking(existing["filter"], [_condition(wanted)])
    zabbix.call(
        "action.update",
        actionid=existing["actionid"],
        **({"filter": widened(existing["filter"], more, "and")} if more else {}),
        operations=[*operations, *(body for body in ours if body not in operations)],
    )


def _condition(wanted: Registration) -> dict[str, Any]:
    return {"conditiontype": _HOST_METADATA, "operator": _MATCHES_REGEX, "value": wanted.metadata}


def _operations(zabbix: Zabbix, wanted: Registration) -> list[tuple[str, dict[str, Any]]]:
    groups = group_ids(zabbix, (wanted.group,))
    found = zabbix.read("template.get", output=["templateid", "host"], filter={"host": [wanted.template]})
    templates = {template["host"]: template["templateid"] for template in found}
    group = need("host group", groups, wanted.group)
    template = need("template", templates, wanted.template)
    return [
        ("operation add host", {"operationtype": str(_ADD_HOST)}),
        (
            f"operation add to group {wanted.group}",
            {"operationtype": str(_ADD_TO_GROUP), "opgroup": [{"groupid": group}]},
        ),
        (
            f"operation link template {wanted.template}",
            {"operationtype": str(_LINK_TEMPLATE), "optemplate": [{"templateid": template}]},
        ),
    ]


def _stored(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation as it can be sent again: its type and its own objects, without ids of its rows."""
    kept: dict[str, Any] = {"operationtype": operation["operationtype"]}
    for name, value in operation.items():
        if name.startswith("op") and name not in {"operationtype", "operationid", "opconditions"} and value:
            kept[name] = _without_row_ids(value)
    return kept


def _without_row_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_row_ids(part) for part in value]
    if isinstance(value, dict):
        return {
            key: part
            for key, part in value.items()
            if key not in {"operationid", "opgroupid", "optemplateid", "opcommand_hstid", "opcommand_grpid"}
        }
    return value
