"""What a spreadsheet gets: a row a scope and resource class, with nothing nested in a cell."""

from __future__ import annotations

from dataclasses import replace

from fleets import ask, host, settle

from argus.capacity_commands import by_class, free_row
from argus.correlator.capacity.model import Guest, Pain


def test_each_class_is_a_row_of_plain_cells() -> None:
    hosts = [host("a", 4, 9, closed="down"), replace(host("b", 2, 9), pain=Pain(steal=0.5))]
    fleet = settle("f", hosts, [Guest("g", "b", ask(3, 1))])
    rows = by_class(free_row(fleet, "all", fleet.hosts))
    assert {row["class"]: (row["capacity"], row["used"], row["promised"]) for row in rows} == {
        "MEMORY_MB": (18, 1, 1 / 18),
        "VCPU": (6, 3, 0.5),
    }
    assert [row["hosts_over"] for row in rows] == ["", "b"]
    assert {(row["closed"], row["steal"]) for row in rows} == {("a", 0.5)}
    assert not any(isinstance(cell, dict | list) for row in rows for cell in row.values())


def test_a_scope_without_figures_is_still_a_row() -> None:
    assert [row["scope"] for row in by_class(free_row(settle("f", [], []), "all", ()))] == ["all"]
