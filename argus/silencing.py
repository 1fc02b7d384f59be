"""``argus silence``: hold messages back for a while, show what that hides, and end it."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from argus.cycle import labels
from argus.errors import ArgusError
from argus.listing import clock, console
from argus.operating import moment
from argus.routing import weekly
from argus.routing.matchers import all_match, parse
from argus.store import reports, silences
from argus.store.incidents import record
from argus.store.models import SilenceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from argus.routing.matchers import Matcher
    from argus.store.engine import Store
    from argus.store.models import IncidentRow

LOOK_BACK = 7 * 86400.0  # seconds of history in a preview
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for; times as ``moment`` reads them, ``windows`` as ``weekly`` does."""

    matchers: tuple[Matcher, ...]
    starts: str
    until: str
    windows: tuple[str, ...]
    zone: str
    author: str
    comment: str

    @classmethod
    def of(cls, words: Sequence[str], nodes: Sequence[str], **rest: Any) -> Wanted:
        """Raise ``ArgusError`` for words that are no matchers, and for none."""
        named = [exactly("node", node) for node in nodes]
        if not words and not named:
            raise ArgusError("a silence without matchers would hold back everything: name at least one")
        return cls((*(parse(word) for word in words), *named), **rest)


def exactly(label: str, value: str) -> Matcher:
    """Return the matcher of exactly this value."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return parse(f'{label}="{escaped}"')


def add(store: Store, wanted: Wanted, *, dry_run: bool, form: str = "table") -> int:
    """Add a silence, and show what it hides now and would have hidden lately."""
    now = time.time()
    starts = moment(wanted.starts, now) if wanted.starts else now
    end = None if wanted.until in {RESOLVED, ""} else moment(wanted.until, now)
    if end is not None and end <= max(now, starts):
        raise ArgusError(f"--until {wanted.until} is past, or before it begins")
    windows = [window for text in wanted.windows for window in weekly.parse(text, wanted.zone)]
    made: SilenceRow | None = None
    with store.write() as session:
        rows = [
            row
            for row in reports.incidents(session, ("open",), None)
            if all_match(wanted.matchers, labels(row))
        ]
        if wanted.until == RESOLVED and not rows:
            raise ArgusError(
                "--until resolved ends with what is open, and nothing that is open matches: "
                "give it an end, such as --until 2h"
            )
        lately = _lately(session, wanted.matchers, now)
        if not dry_run:
            made = silences.add(session, wanted.matchers, end, wanted.author, wanted.comment, starts)
            made.matched_at = now if wanted.until == RESOLVED else None
            made.weekly = [weekly.to_json(window) for window in windows] or None
            silences.hold_waiting(session, made, [row.id for row in rows], now)
        if form == "json":
            preview = {"open": [row.id for row in rows], "told_in_7_days": lately}
            print(json.dumps({"silence": as_dict(made) if made else None, **preview}, indent=2))
            return 0
        if made:
            print(f"silence {made.id} holds {' '.join(made.matchers)} {_when(made)}")
    print(f"it matches {len(rows)} open incidents" + (" (told already; they stay open)" if rows else ""))
    for row in rows:
        print(f"  {row.id} {row.severity} {row.label or row.subject}: {row.summary}")
    print(f"in the last 7 days it would have matched {sum(lately.values())} incidents that were told")
    for rule, number in sorted(lately.items(), key=lambda each: (-each[1], each[0])):
        print(f"  {number} {rule}")
    return 0


def _lately(session: Session, matchers: Sequence[Matcher], now: float) -> dict[str, int]:
    """Count what was told lately and would be matched, by rule."""
    counted: dict[str, int] = {}
    for row in reports.told_between(session, now - LOOK_BACK, now):
        if all_match(matchers, labels(row)):
            counted[row.rule] = counted.get(row.rule, 0) + 1
    return counted


def show(store: Store, *, everything: bool, form: str) -> int:
    """Print silences that hold or will, with ``everything`` those that are over too."""
    now = time.time()
    with store.read() as session:
        rows = silences.known(session, None if everything else now)
        incidents: Sequence[IncidentRow] = reports.incidents(session, ("open",), None)
        tags = [labels(row) for row in incidents]
    told = [
        {
            **as_dict(row),
            "state": silences.state(row, now),
            "open_incidents": sum(all_match((parse(word) for word in row.matchers), each) for each in tags),
        }
        for row in rows
    ]
    if form == "json":
        print(json.dumps(told, indent=2))
        return 0
    if not told:
        print("no silences")
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "STATE", "OPEN", "WHAT", "WHEN", "WHO AND WHY"):
        table.add_column(heading, no_wrap=heading in {"ID", "STATE"}, overflow="fold")
    for each, row in zip(told, rows, strict=True):
        who = Text(f"{row.author}: {row.comment}")
        what = Text(" ".join(row.matchers))
        table.add_row(
            str(row.id), str(each["state"]), str(each["open_incidents"]), what, Text(_when(row)), who
        )
    console().print(table)
    return 0


def expire(store: Store, number: int, *, form: str = "table") -> int:
    """End a silence: what it held back is told now."""
    with store.write() as session:
        now = time.time()
        row = session.get(SilenceRow, number)
        if row is None:
            raise ArgusError(f"there is no silence {number}; argus silence list shows them")
        if not silences.expire(session, number, now):
            raise ArgusError(f"silence {number} was over at {clock(row.until or now)} already")
    print(
        json.dumps({"silence": number, "ended_at": now}) if form == "json" else f"silence {number} ends now"
    )
    return 0


def snooze(store: Store, number: int, until: str, author: str, comment: str, *, form: str = "table") -> int:
    """Hold one incident back until then; who was told is told again if it still stands."""
    now = time.time()
    end = moment(until, now)
    if end <= now:
        raise ArgusError(f"{until} is past")
    with store.write() as session:
        row = reports.incident(session, number)
        if row is None:
            raise ArgusError(f"there is no incident {number}; argus incidents lists them")
        if row.phase == "resolved":
            raise ArgusError(f"incident {number} is resolved already")
        made = silences.snooze(session, number, end, author, comment or "snoozed", now)
        record(session, row, "snoozed", f"by {author} until {clock(end)}: {comment}", now)
    if form == "json":
        print(json.dumps({"incident": number, "silence": as_dict(made)}, indent=2))
    else:
        print(f"incident {number} is snoozed until {clock(end)}; silence {made.id} is it")
    return 0


def _when(row: SilenceRow) -> str:
    if row.weekly:
        end = "" if row.until is None else f" until {clock(row.until)}"
        return f"each week {' and '.join(weekly.in_words(each) for each in row.weekly)}{end}"
    end = "what it holds back is resolved" if row.until is None else clock(row.until)
    return f"from {clock(row.starts_at)} until {end}"


def as_dict(row: SilenceRow) -> dict[str, Any]:
    """Return a silence as scripts get it; times in seconds since the epoch."""
    return {
        "id": row.id,
        "matchers": row.matchers,
        "starts_at": row.starts_at,
        "until": row.until,
        "weekly": row.weekly,
        "author": row.author,
        "comment": row.comment,
        "source": row.source,
    }
