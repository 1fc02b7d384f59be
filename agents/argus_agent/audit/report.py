"""The rows of an audit for people and for scripts."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from argus.foreign_text import clean
from argus.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from argus_agent.audit.checks import Row


def show(
    rows: tuple[Row, ...], profile: str, console: Console, unread: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Print what differs, what mends it (lines to copy, never wrapped), and a count of all rows.

    ``unread`` is what could not be looked at, and why.
    """
    checks = list(dict.fromkeys(row.check for row in rows))
    wrong = sorted((row for row in rows if not row.agrees), key=lambda row: checks.index(row.check))
    closing = f"{len(rows) - len(wrong)} of {len(rows)} checks are as profile {profile} wants."
    if unread:
        closing += f" Not all could be looked at: {', '.join(unread)}."
    if wrong:
        console.print(_differences(wrong))
        console.print("\nWhat mends it", style="bold")
        for line in _advice(wrong):
            console.print(line, soft_wrap=True)
        console.print()
    console.print(Text(one_line(closing), style="" if wrong or unread else "green"))


def _differences(wrong: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("setting", "of", "found", "wanted"):
        table.add_column(name, overflow="fold")
    for row in wrong:
        texts = (row.check, row.subject, row.found or "not known", row.wanted)
        table.add_row(*(Text(one_line(text)) for text in texts))
    return table


def _advice(wrong: list[Row]) -> Iterator[Text]:
    said = ""
    for row in wrong:
        if row.check != said:
            yield Text(f"{row.check}: {row.why}")
            said = row.check
        yield Text(f"    {clean(row.mend)}", style="bold")


def as_json(rows: tuple[Row, ...], profile: str, unread: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return every row, those that agree too, and what could not be looked at."""
    return json.dumps(
        {
            "profile": profile,
            "differences": sum(not row.agrees for row in rows),
            "rows": [
                {
                    "check": row.check,
                    "subject": row.subject,
                    "found": row.found,
                    "wanted": row.wanted,
                    "agrees": row.agrees,
                    "why": row.why,
                    "mend": row.mend,
                }
                for row in rows
            ],
            "unread": dict(unread),
        },
        indent=2,
    )
