"""Shows one cycle to a person or a script: `argus-agent once`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from argus.catalogue.model import AGENT, Kind, Unit
from argus.terminal import one_line
from argus_agent.sinks.document import NODE, documents
from argus_agent.sinks.exposition import exposition

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.catalogue.model import Sample
    from argus_agent.runner import Result

FILE_COLUMNS = 200
"""Enough for every name to be whole where no terminal says how wide it is."""


def as_json(host: str, result: Result) -> str:
    """Return ``{"host", "at", "node": document, "guests": {uuid: document}, "unread"}``, as Zabbix gets them.

    ``unread`` has the guests that the kernel's path could not look at, and why.
    """
    found = dict(documents(result.told))
    node = found.pop(NODE)
    unread = dict(result.unread)
    return json.dumps(
        {"host": host, "at": result.at, "node": node, "guests": found, "unread": unread}, indent=2
    )


def as_prometheus(_host: str, result: Result) -> str:
    """Return what a scrape would get."""
    return "".join(exposition(result.told))


def as_table(host: str, result: Result) -> str:
    """Return tables for people: the node, one for each guest, the agent itself."""
    from rich.table import Table  # noqa: PLC0415 -- heavy, and the daemon never shows a table
    from rich.text import Text  # noqa: PLC0415

    from argus.screen import Screen  # noqa: PLC0415

    names = {
        s.labels[0]: str(s.value) for s in result.samples if s.metric.prometheus_name == "argus_guest_info"
    }
    names |= {s.labels[0]: str(s.value) for s in result.samples if s.metric.field == "info_name"}
    titles = {NODE: f"node {host}", AGENT.scope: f"agent on {host}"}
    owners: dict[str, Table] = {}
    for sample in result.samples:
        owner = _owner(sample)
        if owner not in owners:
            title = one_line(titles.get(owner) or f"guest {names.get(owner, '')} {owner}")
            table = owners[owner] = Table(title=Text(title), title_justify="left")
            table.add_column("metric")
            table.add_column("of")
            table.add_column("value", justify="right")
        own = sample.labels[1:] if sample.metric.entity.of_guest else sample.labels
        owners[owner].add_row(
            sample.metric.field, *(Text(one_line(t)) for t in (" ".join(own), human(sample)))
        )
    agent = owners.pop(AGENT.scope, None)
    console = Screen(width=None if sys.stdout.isatty() else FILE_COLUMNS)
    with console.capture() as capture:
        for table in (*owners.values(), *filter(None, [agent])):
            console.print(table)
    return capture.get()


def _owner(sample: Sample) -> str:
    """Whose table it belongs to: a guest's, the node's, or last the agent's own, which is long."""
    entity = sample.metric.entity
    if entity.of_guest:
        return sample.labels[0]
    return AGENT.scope if entity.scope == AGENT.scope else NODE


_SYMBOLS = {Unit.SECONDS: "s", Unit.JOULES: "J"}


def human(sample: Sample) -> str:
    """Write a value for people: ``1.5 GiB``, ``12.3 %``, ``paused``."""
    metric, value = sample.metric, sample.value
    if isinstance(value, str):
        return value
    if metric.kind is Kind.STATE:
        return metric.states.get(int(value), f"{value:g}")
    if metric.unit is Unit.BYTES:
        return _bytes(value)
    if metric.unit is Unit.RATIO:
        return f"{value * 100:.1f} %"
    if metric.unit in _SYMBOLS:
        return f"{value:.6g} {_SYMBOLS[metric.unit]}"
    return f"{value:.10g}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


FORMATS: dict[str, Callable[[str, Result], str]] = {
    "json": as_json,
    "table": as_table,
    "prometheus": as_prometheus,
}
