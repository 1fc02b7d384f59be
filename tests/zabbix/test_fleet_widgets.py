"""The fleet dashboard: every widget has its place, on the grid of either Zabbix."""

from __future__ import annotations

import itertools

import pytest

from argus.catalogue import METRICS
from argus.render.names import item_name
from argus.zabbix.desired import ALL_GROUPS
from argus.zabbix.fleet_widgets import Widget, as_api, fleet_widgets

ITEM = "4711"
GROUPS = {name: str(number) for number, name in enumerate(ALL_GROUPS)}


def made(version: tuple[int, int], *, services: bool) -> tuple[Widget, ...]:
    return fleet_widgets(GROUPS, ITEM, version, services=services)


@pytest.mark.parametrize("services", [True, False])
@pytest.mark.parametrize(("version", "columns"), [((6, 0), 24), ((7, 0), 72)])
def test_widgets_fill_the_width_and_none_lies_on_another(
    version: tuple[int, int], columns: int, *, services: bool
) -> None:
    cells: list[tuple[int, int]] = []
    for widget in made(version, services=services):
        box = as_api(widget, columns)
        across = range(box["x"], box["x"] + box["width"])
        cells += itertools.product(across, range(box["y"], box["y"] + box["height"]))
    height = 1 + max(y for _, y in cells)
    assert len(cells) == len(set(cells)) == columns * height


@pytest.mark.parametrize(("version", "field"), [((6, 0), "itemids"), ((7, 0), "columns.0.itemid")])
def test_the_open_incidents_are_the_newest_value_of_their_item(version: tuple[int, int], field: str) -> None:
    (widget,) = [each for each in made(version, services=True) if each.name == "Open incidents"]
    assert {("4", field, ITEM), ("0", "show_lines", "1")} <= set(widget.fields)


@pytest.mark.parametrize("version", [(6, 0), (7, 0)])
def test_problems_are_those_of_all_groups_of_argus(version: tuple[int, int]) -> None:
    (widget,) = [each for each in made(version, services=True) if each.kind == "problems"]
    assert {value for kind, _, value in widget.fields if kind == "2"} == set(GROUPS.values())


@pytest.mark.parametrize("version", [(6, 0), (7, 0)])
def test_a_table_takes_one_item_a_host_so_none_is_discovered(version: tuple[int, int]) -> None:
    tables = [each for each in made(version, services=True) if each.kind == "tophosts"]
    discovered = {item_name(metric) for metric in METRICS if metric.entity.own_labels}
    shown = {value for each in tables for _, name, value in each.fields if ".item" in name}
    assert len(shown) > 30
    assert not shown & discovered
    assert not [name for name in shown if "{#" in name]


def test_services_are_shown_where_any_is_probed() -> None:
    names = {widget.name for widget in made((7, 0), services=True)}
    assert names - {widget.name for widget in made((7, 0), services=False)} == {"Services"}
