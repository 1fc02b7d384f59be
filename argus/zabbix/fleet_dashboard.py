"""The global dashboard of the fleet: ours are the widgets with our names, all else on it is somebody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.catalogue import correlator
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import ALL_GROUPS, CORRELATOR, DASHBOARD
from argus.zabbix.fleet_widgets import Widget, as_api, fleet_widgets
from argus.zabbix.groups import MissingError, group_ids, need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.zabbix.api import Zabbix

_KEPT = ("widgetid", "type", "name", "x", "y", "width", "height", "view_mode", "fields")


class FleetDashboard:
    """Shared with everybody; places, sizes and further widgets and pages are the administrator's."""

    title = "dashboard"

    def __init__(self, *, services: bool = True) -> None:
        """Take whether services are probed: without, a table of them would be empty."""
        self._services = services

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the dashboard, or those of its widgets that are missing or differ."""
        found = zabbix.read(
            "dashboard.get", output=["dashboardid"], filter={"name": [DASHBOARD]}, selectPages="extend"
        )
        if not found:
            return [
                Change(CREATE, "dashboard", DASHBOARD, (), lambda: _create(zabbix, services=self._services))
            ]
        there = [widget for page in found[0]["pages"] for widget in page["widgets"]]
        try:
            wrong = [
                w
                for w in _widgets(zabbix, services=self._services)
                if not _is_as_wanted(w, _of_ours(w, there))
            ]
        except MissingError:  # a host group or an item, planned before this; its id will be a new one
            return [Change(UPDATE, "dashboard", DASHBOARD, (), lambda: self._repair(zabbix))]
        if not wrong:
            return []
        details = tuple(f"widget {w.name}: {'differs' if _of_ours(w, there) else 'missing'}" for w in wrong)
        return [Change(UPDATE, "dashboard", DASHBOARD, details, lambda: _update(zabbix, found[0], wrong))]

    def _repair(self, zabbix: Zabbix) -> None:
        for change in self.plan(zabbix):
            change.do()


def _widgets(zabbix: Zabbix, *, services: bool) -> tuple[Widget, ...]:
    ids = group_ids(zabbix, ALL_GROUPS)
    groups = {name: need("host group", ids, name) for name in ALL_GROUPS}
    return fleet_widgets(groups, _incidents(zabbix), zabbix.version, services=services)


def _incidents(zabbix: Zabbix) -> str:
    """The id of the item that lists the open incidents.  Raises ``MissingError``."""
    key = correlator.LIST.zabbix_key
    found = zabbix.read("item.get", output=["itemid", "key_"], host=CORRELATOR, filter={"key_": key})
    return need(f"item of host {CORRELATOR}", {row["key_"]: row["itemid"] for row in found}, key)


def _of_ours(wanted: Widget, there: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The widget of its name, else of the name that it had."""
    by_name = {widget["name"]: widget for widget in there}
    return by_name.get(wanted.name) or by_name.get(wanted.formerly or wanted.name)


def _is_as_wanted(wanted: Widget, there: dict[str, Any] | None) -> bool:
    if there is None or (there["type"], there["name"]) != (wanted.kind, wanted.name):
        return False
    fields = {(str(f["type"]), f["name"], str(f["value"])) for f in there["fields"]}
    return fields == set(wanted.fields)


def _create(zabbix: Zabbix, *, services: bool) -> None:
    widgets = [as_api(widget, zabbix.grid_columns) for widget in _widgets(zabbix, services=services)]
    zabbix.call("dashboard.create", name=DASHBOARD, private=0, pages=[{"widgets": widgets}])


def _update(zabbix: Zabbix, dashboard: dict[str, Any], wrong: list[Widget]) -> None:
    """Give widgets that are there their fields again where they are; put missing ones below all others."""
    pages = [
        {
            "dashboard_pageid": page["dashboard_pageid"],
            "name": page["name"],
            "display_period": page["display_period"],
            "widgets": [{k: v for k, v in widget.items() if k in _KEPT} for widget in page["widgets"]],
        }
        for page in dashboard["pages"]
    ]
    there = [widget for page in pages for widget in page["widgets"]]
    first = pages[0]["widgets"]
    for wanted in wrong:
        body = as_api(wanted, zabbix.grid_columns)
        mine = _of_ours(wanted, there)
        if mine is not None:
            mine |= {"type": wanted.kind, "name": wanted.name, "fields": body["fields"]}
        else:
            bottom = max((int(w["y"]) + int(w["height"]) for w in first), default=0)
            # there is nothing beside it: what was made for half the width has room for its words
            first.append(body | {"x": 0, "y": bottom, "width": zabbix.grid_columns})
    zabbix.call("dashboard.update", dashboardid=dashboard["dashboardid"], pages=pages)
