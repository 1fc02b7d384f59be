"""The fleet dashboard: every widget has its place, on the grid of either Zabbix."""

from __future__ import annotations

import itertools

import pytest

from argus.zabbix.desired import ALL_GROUPS
from argus.zabbix.fleet_widgets import Widget, as_api, fleet_widgets

GROUPS = {name: str(number) for number, name in enumerate(ALL_GROUPS)}


def made(version: tuple[int, int], *, services: bool) -> tuple[Widget, ...]:
    return fleet_widgets(GROUPS, version, services=services)


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


def test_services_are_shown_where_any_is_probed() -> None:
    names = {widget.name for widget in made((7, 0), services=True)}
    assert names - {widget.name for widget in made((7, 0), services=False)} == {"Services"}
