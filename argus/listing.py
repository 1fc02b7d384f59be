"""``argus incidents`` and ``argus audit``: what is wrong, for people and for scripts."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from argus.screen import Screen, screen
from argus.store import reports
from argus.store.audit import results

if TYPE_CHECKING:
    from argus.store.engine import Store
    from argus.store.models import IncidentRow

COLOURS = {"HIGH": "bold red", "AVERAGE": "red", "WARNING": "yellow", "INFO": "cyan"}
WIDE = 120  # columns of a terminal that has room for all


def incidents(store: Store, *, everything: bool, form: str) -> int:
    """Print open incidents, or with ``everything`` pending and resolved ones too."""
    phases = ("pending", "open", "resolved") if everything else ("open",)
    with store.read() as session:
        rows = reports.incidents(session, phases, reports.SHOWN if everything else None)
    if form == "json":
        print(json.dumps([as_dict(row) for row in rows], indent=2))
        return 0
    if not rows:
        print("no incidents" if everything else "no open incidents")
        return 0
    out = console()
    out.print(table_of(rows, out.width))
    if everything and len(rows) == reports.SHOWN:
        print(f"only the newest {reports.SHOWN} are shown")
    return 0


def audit(store: Store, *, form: str) -> int:
    """Print what the auditor found last; exit code 1 when delivery owes something."""
    with store.read() as session:
        rows = results(session)
    if form == "json":
        names = ("invariant", "violations", "detail", "at")
        print(json.dumps([{name: getattr(row, name) for name in names} for row in rows], indent=2))
    for row in rows if form == "table" else ():
        print(f"{row.invariant:14} {row.violations or 'holds'}  {row.detail}")
    if not rows and form == "table":
        print("the auditor has not run yet")
    return 1 if any(row.violations for row in rows) else 0


def console() -> Screen:
    """Return what tables are printed on."""
    return screen()


def table_of(rows: Any, width: int) -> Table:
    """Return incidents as a table; a narrow terminal gets the age without the time, and folds subjects."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False)
    headings = ("ID", "STATE", "SEVERITY", "SUBJECT", *(("SINCE",) if wide else ()), "AGE", "WHAT")
    for heading in headings:
        folded = heading in ({"WHAT"} if wide else {"WHAT", "SUBJECT", "STATE"})
        table.add_column(heading, no_wrap=not folded, overflow="fold")
    table.columns[3].max_width = None if wide else width // 3
    for row in rows:
        at = row.opened_at if row.opened_at is not None else row.since
        state = f"{row.phase} (held)" if row.held else row.phase
        state = f"{state}, symptom" if row.cause_rule else state
        what = f"{row.summary} [{row.held}]" if row.held else row.summary
        severity = Text(row.severity, COLOURS.get(row.severity, ""))
        age = duration((row.resolved_at or time.time()) - at)
        since = (clock(at),) if wide else ()
        subject = Text(row.label or row.subject)
        table.add_row(str(row.id), state, severity, subject, *since, age, Text(what))
    return table


def as_dict(row: IncidentRow) -> dict[str, Any]:
    """Return an incident as scripts get it."""
    return {
        "id": row.id,
        "uid": row.uid,
        "state": row.phase,
        "severity": row.severity,
        "rule": row.rule,
        "subject": row.subject,
        "label": row.label or row.subject,
        "symptom_of": {"rule": row.cause_rule, "subject": row.cause_subject} if row.cause_rule else None,
        "told_at": iso(row.told_at),
        "summary": row.summary,
        "evidence": row.evidence,
        "held": row.held,
        "acked_by": row.acked_by or None,
        "since": iso(row.since),
        "opened_at": iso(row.opened_at),
        "resolved_at": iso(row.resolved_at),
    }


def iso(at: float | None) -> str | None:
    """Return a moment for scripts."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def clock(at: float) -> str:
    """Return a moment in local time, for people."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Return seconds for people, in the largest unit that fits."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
