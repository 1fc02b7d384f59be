"""Graphs that a person can read: an axis a unit, and percent from 0 on."""

from __future__ import annotations

from typing import Any

import pytest

from argus.catalogue import SUBSYSTEMS, agent, allocation, guest_disk, guest_disk_limit, node_block, node_cpu
from argus.catalogue.model import Graph, Subsystem
from argus.render.dashboards import grouped
from argus.render.graphs import graph_name, render_graph, uuids_of
from argus.render.names import HOSTS, host_of
from argus.render.template import template_document


def sides(graph: dict[str, Any]) -> list[str]:
    return [item.get("yaxisside", "LEFT") for item in graph["graph_items"]]


def test_what_has_another_unit_than_the_first_line_is_drawn_by_the_right_axis() -> None:
    graph = Graph("Disk", (guest_disk.READ_OPS, guest_disk.WRITE_OPS, guest_disk_limit.USED))
    assert sides(render_graph(graph)) == ["LEFT", "LEFT", "RIGHT"]


def test_a_third_unit_has_no_axis_and_is_refused() -> None:
    with pytest.raises(ValueError, match="two axes"):
        render_graph(Graph("Cost", (agent.RSS, agent.CPU, agent.CYCLE)))


def test_percent_begins_at_0_and_what_may_be_negative_does_not() -> None:
    assert render_graph(Graph("CPU", (node_cpu.USED,)))["ymin_type_1"] == "FIXED"
    assert "ymin_type_1" not in render_graph(Graph("vCPUs", (allocation.VCPUS_FREE,)))


@pytest.mark.parametrize("host", HOSTS)
def test_widgets_of_a_page_do_not_overlap(host: str) -> None:
    for page in template_document(host, SUBSYSTEMS)["zabbix_export"]["templates"][0]["dashboards"][0][
        "pages"
    ]:
        taken: set[tuple[int, int]] = set()
        for widget in page["widgets"]:
            x, y, wide, high = (
                int(widget.get(name, default))
                for name, default in zip(("x", "y", "width", "height"), "0012", strict=True)
            )
            cells = {(column, row) for column in range(x, x + wide) for row in range(y, y + high)}
            assert not cells & taken
            taken |= cells


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("node", "CPU and overcommit, NUMA, KSM and THP, Guests, Disks and vhost"),
        ("guest", "CPU and steal, Memory and balloon, NUMA, Disks, Network"),
    ],
)
def test_a_dashboard_has_the_pages_that_people_look_for(host: str, wanted: str) -> None:
    (template,) = template_document(host, SUBSYSTEMS)["zabbix_export"]["templates"]
    overview, *names = [page["name"] for page in template["dashboards"][0]["pages"]]
    assert overview == "Overview"
    assert len(names) == len(set(names))
    assert [name for name in names if name in wanted.split(", ")] == wanted.split(", ")


def test_guests_are_on_the_page_of_guests() -> None:
    by_title = dict(grouped(SUBSYSTEMS))
    names = [graph.name for graph in by_title["Guests"] if graph.metrics[0].entity.host == "node"]
    assert {"Guests", "What guests wait for", "Memory of guests", "Guests that hang or are lost"} <= {*names}
    assert "Guests" not in [graph.name for graph in by_title["CPU and overcommit"]]


def test_a_graph_on_a_page_that_there_is_not_is_refused() -> None:
    lost = Subsystem("x", "X", (node_cpu.USED,), graphs=(Graph("Lost", (node_cpu.USED,), page="Nowhere"),))
    with pytest.raises(ValueError, match="no page 'Nowhere'"):
        list(grouped([lost]))


def test_each_tile_of_a_template_shows_an_item_that_it_has() -> None:
    for host in HOSTS:
        (template,) = template_document(host, SUBSYSTEMS)["zabbix_export"]["templates"]
        keys = {item["key"] for item in template["items"] if item.get("status") != "DISABLED"}
        tiles = [
            field["value"]["key"]
            for widget in template["dashboards"][0]["pages"][0]["widgets"]
            for field in widget["fields"]
            if widget["type"] == "ITEM" and field["type"] == "ITEM"
        ]
        assert tiles, host
        assert set(tiles) <= keys


def test_a_graph_of_ours_is_known_by_its_name_and_uuid_when_it_has_left_the_catalogue() -> None:
    for graph in (graph for subsystem in SUBSYSTEMS for graph in subsystem.graphs):
        assert render_graph(graph)["uuid"] in uuids_of(graph_name(graph), host_of(graph.metrics[0].entity))


def test_the_name_of_a_graph_of_something_discovered_begins_with_it_and_does_not_repeat_it() -> None:
    drawn = Graph("Block device operations", (node_block.READ_OPS,))
    assert graph_name(drawn) == "Block device {#DEVICE}: operations"
