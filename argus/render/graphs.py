"""Graphs and graph prototypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.render.ids import stable_uuid
from argus.render.names import host_of, subject, template_name, zabbix_units

if TYPE_CHECKING:
    from argus.catalogue.model import Graph

_AXES = 2
# Told apart on white and on dark, and by the colour-blind: Okabe and Ito's, then darker ones.
_COLOURS = (
    "0072B2",
    "D55E00",
    "009E73",
    "CC79A7",
    "E69F00",
    "56B4E9",
    "7A5C00",
    "5E3C99",
    "444444",
    "A6611A",
)


def graph_name(graph: Graph) -> str:
    """The graph's name; prototypes begin with the discovered thing, or all would be called the same."""
    first = graph.metrics[0]
    if not first.entity.own_labels or "{#" in graph.name:
        return graph.name
    about = subject(first)
    rest = graph.name
    for words in _words_of(about):
        rest = rest.removeprefix(words)
    return f"{about}: {rest.strip()}"


def _words_of(about: str) -> tuple[str, str]:
    """Whatever of ``Block device {#DEVICE}`` a graph's name may begin with, all or the first word."""
    return about.partition(" {#")[0], about.partition(" ")[0]


def uuids_of(name: str, host: str) -> set[str]:
    """The UUIDs that a graph of ours with this name can have: how one is known that left the catalogue."""
    about, _, rest = name.partition(": ")
    names = {name, rest, *(f"{words} {rest}" for words in _words_of(about))}
    return {stable_uuid(template_name(host), "graph", each) for each in names}


def render_graph(graph: Graph) -> dict[str, Any]:
    """The graph, or graph prototype; what has another unit than the first line is drawn by the right axis.

    Raises ``ValueError`` when it mixes hosts or more than two units, or has too many lines.
    """
    host = host_of(graph.metrics[0].entity)
    if any(host_of(metric.entity) != host for metric in graph.metrics):
        raise ValueError(f"graph {graph.name!r} mixes metrics of nodes and of guests")
    if len(graph.metrics) > len(_COLOURS):
        raise ValueError(f"graph {graph.name!r} has more than {len(_COLOURS)} lines: nobody can read that")
    units = list(dict.fromkeys(zabbix_units(metric) for metric in graph.metrics))
    if len(units) > _AXES:
        raise ValueError(f"graph {graph.name!r} has lines in {', '.join(map(repr, units))}: two axes are all")
    body: dict[str, Any] = {
        "uuid": stable_uuid(template_name(host), "graph", graph.name),
        "name": graph_name(graph),
    }
    if graph.stacked:
        body["type"] = "STACKED"
    if units[0] == "%":  # 94 % beside 95 % is no change; what is left of something may be below 0
        body["ymin_type_1"] = "FIXED"
    body["graph_items"] = [
        ({"sortorder": str(order)} if order else {})  # Zabbix leaves defaults out, and so compares equal
        | {"color": colour}
        | ({"yaxisside": "RIGHT"} if zabbix_units(metric) != units[0] else {})
        | {"item": {"host": template_name(host), "key": metric.zabbix_key}}
        for order, (metric, colour) in enumerate(zip(graph.metrics, _COLOURS, strict=False))
    ]
    return body
