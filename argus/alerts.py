"""``argus alerts``: everything that is wrong, each with why it was told or why not."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from argus.listing import as_dict, clock, console
from argus.store import reports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from argus.store.engine import Store
    from argus.store.models import IncidentRow


def alerts(store: Store, *, form: str) -> int:
    """Print pending and open incidents, symptoms under their causes."""
    with store.read() as session:
        rows = reports.incidents(session, ("pending", "open"), None)
        silent = reports.silenced(session)
    if form == "json":
        print(json.dumps([{**as_dict(row), "told": told(row, silent)} for row in rows], indent=2))
        return 0
    if not rows:
        print("no alerts")
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "SEVERITY", "SINCE", "TOLD", "WHAT"):
        table.add_column(heading, no_wrap=heading not in {"WHAT", "TOLD"})
    for depth, row in in_order(rows):
        what = Text(f"{'  ' * depth}{'- ' if depth else ''}{row.summary}")
        table.add_row(str(row.id), row.severity, clock(row.since), told(row, silent), what)
    console().print(table)
    return 0


def told(row: IncidentRow, silenced: Collection[int]) -> str:
    """Say whether people were told, and what keeps it from them if not."""
    if row.phase == "pending":
        return f"not yet: held ({row.held})" if row.held else "not yet: must stand for longer"
    if row.told_at is None:
        return "no: a symptom" if row.cause_rule else "no"
    if row.id in silenced:
        return "no: silenced"
    return f"yes, acknowledged by {row.acked_by}" if row.acked_at is not None else "yes"


def in_order(rows: Sequence[IncidentRow]) -> Iterator[tuple[int, IncidentRow]]:
    """Yield causes with their symptoms after them, and how deep each is."""
    by_key = {(row.rule, row.subject): row for row in rows}
    below: dict[tuple[str, str], list[IncidentRow]] = {}
    roots = []
    for row in rows:
        cause = (row.cause_rule, row.cause_subject)
        if cause in by_key:
            below.setdefault(cause, []).append(row)
        else:
            roots.append(row)
    waiting = [(0, row) for row in reversed(roots)]
    while waiting:
        depth, row = waiting.pop()
        yield depth, row
        waiting.extend((depth + 1, each) for each in reversed(below.get((row.rule, row.subject), [])))
