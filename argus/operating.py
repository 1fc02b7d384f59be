"""What people do about incidents: acknowledge, and ask who would be told."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import difflib
import json
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from argus.catalogue.model import Severity
from argus.correlator.rulebook import BOOK
from argus.cycle import notification
from argus.errors import ArgusError
from argus.notify import HEAR_ACKS
from argus.notify.base import Kind
from argus.routing.matchers import LABELS
from argus.store import outbox, reports
from argus.store.incidents import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from argus.routing.tree import Router
    from argus.store.engine import Store

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ack(store: Store, number: int, author: str, *, form: str = "table") -> int:
    """Note that somebody looks after an incident: nobody else is told any more."""
    with store.write() as session:
        row = reports.incident(session, number)
        if row is None:
            raise ArgusError(f"there is no incident {number}; argus incidents lists them")
        if row.phase == "resolved":
            raise ArgusError(f"incident {number} is resolved already")
        first = take(session, number, author, time.time())
    if form == "json":
        told = {"incident": number, "acknowledged_by": row.acked_by, "acknowledged_at": row.acked_at}
        print(json.dumps({**told, "was_already": not first}, indent=2))
        return 0
    print(f"incident {number} {'is' if first else 'was already'} acknowledged by {row.acked_by}")
    return 0


def take(session: Session, number: int, author: str, now: float) -> bool:
    """Write down who looks after an open incident; false when somebody does already."""
    row = reports.incident(session, number)
    if row is None or row.phase == "resolved" or row.acked_at is not None:
        return False
    row.acked_at, row.acked_by = now, author
    dropped = outbox.drop_steps(session, row)
    record(session, row, "acknowledged", f"by {author}; {dropped} escalations taken back", now)
    news = notification(row, Kind.ACK, f"acknowledged by {author}", author)
    outbox.enqueue_news(session, row, Kind.ACK, news.payload(), now, HEAR_ACKS)
    return True


def undo(store: Store, number: int, author: str, *, form: str = "table") -> int:
    """Take an acknowledgement back: what it held or took back goes on as if there had been none."""
    with store.write() as session:
        row = reports.incident(session, number)
        if row is None:
            raise ArgusError(f"there is no incident {number}; argus incidents lists them")
        if row.phase == "resolved" or row.acked_at is None:
            state = "resolved already" if row.phase == "resolved" else "not acknowledged"
            raise ArgusError(f"incident {number} is {state}")
        by, now = row.acked_by, time.time()
        row.acked_at, row.acked_by, row.taken_up_at = None, "", now
        waiting = outbox.take_up(session, row, now, anew=False)
        record(session, row, "ack undone", f"by {author}, of {by}; {waiting} messages wait again", now)
    if form == "json":
        print(json.dumps({"incident": number, "undone_by": author, "acknowledged_by": by}, indent=2))
    else:
        print(f"incident {number} is no longer acknowledged by {by}: escalation goes on")
    return 0


def route_test(router: Router, words: Sequence[str], at: str, *, form: str) -> int:
    """Print who would be told of an incident with these labels, and when.  Exit code 1 for nobody."""
    now = time.time() if not at else moment(at, time.time())
    dues = router.due(given(words), now)
    told: list[dict[str, Any]] = [
        {"target": due.target, "receiver": due.receiver, "after_seconds": due.at - now, "step": due.step}
        for due in dues
    ]
    if form == "json":
        print(json.dumps(told, indent=2))
        return 0 if told else 1
    for each in told:
        step = f", escalation {each['step']} unless acknowledged" if each["step"] else ""
        print(f"after {each['after_seconds']:.0f} s  {each['receiver']}  {each['target']}{step}")
    if not told:
        print(f"nobody would be told ({router.source})")
    return 0 if told else 1


SAMPLES = (
    {"rule": "node_does_not_report", "severity": "HIGH", "subject": "cmp1", "node": "cmp1", "kind": "node"},
    {"rule": "guest_is_broken", "severity": "HIGH", "subject": "vm1", "node": "cmp1", "kind": "guest"},
    {"rule": "node_is_full", "severity": "WARNING", "subject": "cmp1", "node": "cmp1", "kind": "node"},
)


def sample_targets(router: Router, now: float) -> list[list[str]]:
    """Return whom each sample of an incident would be told to."""
    return [[due.target for due in router.due(sample, now)] for sample in SAMPLES]


def samples(router: Router, now: float, lacks: Sequence[str] = (), *, form: str = "table") -> None:
    """Print whom samples of incidents would be told to, by which line of the file, and what is lacking."""
    told: list[dict[str, Any]] = [
        {
            "labels": sample,
            "told": [
                {"target": due.target, "after_seconds": due.at - now, "line": due.line or None}
                for due in router.due(sample, now)
            ],
        }
        for sample in SAMPLES
    ]
    lost = not router.fallback and any(router.targets.values())
    if form == "json":
        found = {"routes": str(router.source), "fallback": not lost, "samples": told, "lacking": list(lacks)}
        print(json.dumps(found, indent=2))
        return
    print("no mistakes, but it cannot work yet" if lacks else "the configuration is good")
    for line in lacks:
        print(f"lacking: {line}")
    print(f"routes: {router.source}")
    for sample, each in zip(SAMPLES, told, strict=True):
        print(f"a {sample['severity']} {sample['rule']} on {sample['subject']} would be told now to")
        for due in each["told"]:
            later = f" after {due['after_seconds']:.0f} s" if due["after_seconds"] > 0 else ""
            line = f" (route in line {due['line']})" if due["line"] else ""
            print(f"  {due['target']}{later}{line}")
        if not each["told"]:
            print("  nobody")
    if lost:
        print("no fallback: what a receiver does not take is told to nobody else")


KNOWN = {
    "severity": [each.value for each in Severity],
    "rule": [*BOOK.rules],
    "kind": sorted(set(BOOK.kinds.values())),
}


def given(words: Sequence[str]) -> dict[str, str]:
    """Read ``label=value`` words.  Raises ``ArgusError``."""
    found: dict[str, str] = {}
    for word in words:
        label, equals, value = word.partition("=")
        if not equals or label not in LABELS:
            raise ArgusError(f"{word!r} is not LABEL=VALUE with one of the labels {', '.join(LABELS)}")
        known = KNOWN.get(label)
        if known is not None and value not in known:
            near = difflib.get_close_matches(value, known, n=3) or sorted(known)
            raise ArgusError(f"{word!r}: no incident has this {label}; write {', '.join(near)}")
        found[label] = value
    return found


def moment(text: str, now: float) -> float:
    """Read ``2h`` from now, or a date as ``2026-11-23T22:00``, local time.  Raises ``ArgusError``."""
    relative = re.fullmatch(r"(\d+)([smhd])", text)
    if relative:
        return now + int(relative[1]) * UNITS[relative[2]]
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise ArgusError(f"{text!r} is no time: write 30m, 2h, 1d or 2026-11-23T22:00") from None
