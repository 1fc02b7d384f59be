"""``argus replay``: whom another ``routes.yaml`` would have told, of what was recorded."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from argus.cycle import labels
from argus.errors import ArgusError
from argus.listing import clock, console
from argus.operating import moment
from argus.store import reports, silences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from argus.routing.tree import Router
    from argus.store.engine import Store
    from argus.store.models import IncidentRow, SilenceRow

SHOWN = 50  # differences in a table; JSON has all


@dataclass(frozen=True, slots=True)
class Page:
    """One message that leaves under one routing.  ``at`` is in seconds since the epoch."""

    target: str
    at: float
    step: int
    reminders: int


def pages(router: Router, row: IncidentRow, quiet: Sequence[SilenceRow], until: float) -> dict[str, Page]:
    """Return what an incident would have sent up to ``until``, by target.

    As it went: what was over, or acknowledged before it was due, is not told, and silences hold back.
    """
    told_at = row.told_at if row.told_at is not None else row.since
    tags = labels(row)
    silence = silences.matching([each for each in quiet if _held(each, told_at)], tags, told_at)
    free = 0.0 if silence is None else silences.ends_at(silence, told_at)
    over = min(until, row.resolved_at if row.resolved_at is not None else until)
    acked = row.acked_at if row.acked_at is not None else over
    found = {}
    for due in router.due(tags, told_at):
        at = max(due.at, free)
        if at <= over and not (due.step and at >= acked):
            more = int((min(over, acked) - at) // due.repeat) if due.repeat else 0
            found[due.target] = Page(due.target, at, due.step, max(0, more))
    return found


def _held(row: SilenceRow, moment: float) -> bool:
    return silences.state(row, moment) == "holds"


def replay(store: Store, before: Router, after: Router, since: str, until: str, *, form: str) -> int:
    """Compare two routings on history; exit code 1 when they differ."""
    now = time.time()
    end = moment(until, now) if until else now
    start = past(since, now)
    if start >= end:
        raise ArgusError(f"--from {since} is not before --to {until or 'now'}")
    with store.read() as session:
        rows = reports.told_between(session, start, end)
        quiet = silences.known(session, None)
    found = [(row, pages(before, row, quiet, end), pages(after, row, quiet, end)) for row in rows]
    changes = [change for row, old, new in found for change in _changes(row, old, new)]
    sums = {
        name: _sums(told)
        for name, told in (("before", [f[1] for f in found]), ("after", [f[2] for f in found]))
    }
    if form == "json":
        told = {"from": start, "to": end, "incidents": len(rows), "messages": sums, "changes": changes}
        print(json.dumps(told, indent=2))
    else:
        print(f"{len(rows)} incidents were told from {clock(start)} to {clock(end)}")
        _print(sums, changes)
    return 1 if changes else 0


def past(text: str, now: float) -> float:
    """Read ``7d`` ago, or a date.  Raises ``ArgusError``."""
    at = moment(text, now)
    return 2 * now - at if re.fullmatch(r"\d+[smhd]", text) else at


def _sums(told: Sequence[dict[str, Page]]) -> dict[str, int]:
    """Count messages by target, reminders too."""
    counted: Counter[str] = Counter()
    for each in told:
        for page in each.values():
            counted[page.target] += 1 + page.reminders
    return dict(sorted(counted.items()))


def _changes(row: IncidentRow, old: dict[str, Page], new: dict[str, Page]) -> Iterator[dict[str, Any]]:
    """Yield what differs for one incident."""
    for target in sorted({*old, *new}):
        was, becomes = old.get(target), new.get(target)
        if was == becomes:
            continue
        change = "added" if was is None else "removed" if becomes is None else "changed"
        yield {
            "change": change,
            "target": target,
            "incident": row.id,
            "severity": row.severity,
            "summary": row.summary,
            "at_before": was.at if was else None,
            "at_after": becomes.at if becomes else None,
            "reminders_before": was.reminders if was else 0,
            "reminders_after": becomes.reminders if becomes else 0,
        }


def _print(sums: dict[str, dict[str, int]], changes: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("TARGET", "NOW", "NEW", "DIFFERENCE"):
        table.add_column(heading, justify="left" if heading == "TARGET" else "right", overflow="fold")
    for target in sorted({*sums["before"], *sums["after"]}):
        old, new = sums["before"].get(target, 0), sums["after"].get(target, 0)
        table.add_row(Text(target), str(old), str(new), f"{new - old:+d}" if new != old else "")
    screen = console()
    screen.print(table)
    for each in changes[:SHOWN]:
        screen.print(Text(_line(each)))
    if len(changes) > SHOWN:
        print(f"and {len(changes) - SHOWN} more: --format json")
    if not changes:
        print("the same messages would have been sent")


def _line(each: dict[str, Any]) -> str:
    what = f"incident {each['incident']} {each['severity']}: {each['summary']}"
    if each["change"] == "changed":
        later = each["at_after"] - each["at_before"]
        moved = f"{abs(later):.0f} s {'later' if later > 0 else 'earlier'}" if later else "other reminders"
        return f"~ {each['target']}  {moved}  {what}"
    sign, at = ("+", each["at_after"]) if each["change"] == "added" else ("-", each["at_before"])
    return f"{sign} {each['target']}  {clock(at)}  {what}"
