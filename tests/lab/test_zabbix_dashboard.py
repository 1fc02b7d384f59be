"""The fleet dashboard in Zabbix 6.0 and 7.0, after Argus gave a widget another name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.zabbix.api import Zabbix
from argus.zabbix.desired import ALL_GROUPS, DASHBOARD
from argus.zabbix.fleet_dashboard import FleetDashboard
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

NOW, BEFORE = "Problems", "Problems of nodes and guests"


def pages(zabbix: Zabbix) -> Any:
    (row,) = zabbix.read("dashboard.get", filter={"name": [DASHBOARD]}, selectPages="extend")
    return row["dashboardid"], row["pages"]


def test_a_widget_that_got_another_name_stays_where_it_is(each_zabbix: Lab) -> None:
    login = (each_zabbix.zabbix_url, each_zabbix.env["ZABBIX_USER"], each_zabbix.env["ZABBIX_PASSWORD"])
    with Zabbix.login(*login) as zabbix:
        dashboardid, (first, *_) = pages(zabbix)
        older = [{k: v for k, v in widget.items() if k != "widgetid"} for widget in first["widgets"]]
        (mine,) = [widget for widget in older if widget["name"] == NOW]
        place = {side: mine[side] for side in ("x", "y", "width", "height")}
        mine |= {"name": BEFORE, "fields": []}
        zabbix.call("dashboard.update", dashboardid=dashboardid, pages=[{"widgets": older}])
        (change,) = FleetDashboard(services=False).plan(zabbix)
        assert change.details == (f"widget {NOW}: differs",)
        change.do()
        assert FleetDashboard(services=False).plan(zabbix) == []
        _, (first, *_) = pages(zabbix)
        assert len(first["widgets"]) == len(older)
        (mine,) = [widget for widget in first["widgets"] if widget["name"] in {NOW, BEFORE}]
        assert mine.items() >= {"name": NOW, **place}.items()
        groups = {field["value"] for field in mine["fields"] if field["type"] == "2"}
        assert groups == set(group_ids(zabbix, ALL_GROUPS).values())
