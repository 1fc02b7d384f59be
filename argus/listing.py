"""``argus incidents`` and ``argus explain``: what is wrong and why, for people and for scripts."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from argus.errors import ArgusError
from argus.store import reports
from argus.store.audit import results

if TYPE_CHECKING:
    from argus.store.engine import Store
    from argus.store.models import DecisionRow, IncidentRow, OutboxRow

COLOURS = {"HIGH": "bold red", "AVERAGE": "red", "WARNING": "yellow", "INFO": "cyan"}
PLAIN_WIDTH = 200  # of a table that goes into a pipe or file: a line must not be cut there


def incidents(store: Store, *, everything: bool, form: str) -> int:
    """Print open incidents, or with ``everything`` pending and resolved ones too."""
    phases = ("pending", "open", "resolved") if everything else ("open",)
    with store.read() as session:
        rows = reports.incidents(session, phases)
    if form == "json":
        print(json.dumps([as_dict(row) for row in rows], indent=2))
        return 0
    if not rows:
        print("no incidents" if everything else "no open incidents")
        return 0
    console().print(_table(rows))
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


def explain(store: Store, number: int, *, form: str) -> int:
    """Print one incident with the reasons of all decisions about it and what became of its messages."""
    with store.read() as session:
        row = reports.incident(session, number)
        decisions, messages = reports.decisions(session, number), reports.messages(session, number)
    if row is None and not decisions:
        raise ArgusError(f"there is no incident {number}; argus incidents --all lists them")
    if form == "json":
        told = {
            "incident": as_dict(row) if row else None,
            "decisions": [_decision(each) for each in decisions],
            "messages": [_message(each) for each in messages],
        }
        print(json.dumps(told, indent=2))
        return 0
    screen = console()
    if row is not None:
        screen.print(_table([row]))
        for name, value in row.evidence.items():
            screen.print(Text(f"  {name}: {value}"))
    for each in decisions:
        screen.print(Text(f"{clock(each.at)}  {each.what:14} {each.detail}"))
    for message in messages:
        error = f": {message.error}" if message.error else ""
        line = f"{message.kind} to {message.receiver}: {message.state}, attempts {message.attempts}{error}"
        screen.print(Text(line))
    return 0


def console() -> Console:
    """Return what tables are printed on."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _table(rows: Any) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "STATE", "SEVERITY", "SUBJECT", "SINCE", "AGE", "WHAT"):
        table.add_column(heading, no_wrap=heading != "WHAT")
    for row in rows:
        at = row.opened_at if row.opened_at is not None else row.since
        state = f"{row.phase} (held)" if row.held else row.phase
        state = f"{state}, symptom" if row.cause_rule else state
        what = f"{row.summary} [{row.held}]" if row.held else row.summary
        severity = Text(row.severity, COLOURS.get(row.severity, ""))
        age = _age((row.resolved_at or time.time()) - at)
        table.add_row(
            str(row.id), state, severity, Text(row.label or row.subject), clock(at), age, Text(what)
        )
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
        "told_at": _iso(row.told_at),
        "summary": row.summary,
        "evidence": row.evidence,
        "held": row.held,
        "acked_by": row.acked_by or None,
        "since": _iso(row.since),
        "opened_at": _iso(row.opened_at),
        "resolved_at": _iso(row.resolved_at),
    }


def _decision(row: DecisionRow) -> dict[str, Any]:
    return {"at": _iso(row.at), "what": row.what, "detail": row.detail}


def _message(row: OutboxRow) -> dict[str, Any]:
    return {
        "receiver": row.receiver,
        "kind": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "sent_at": _iso(row.sent_at),
        "error": row.error,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def clock(at: float) -> str:
    """Return a moment in local time, for people."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
