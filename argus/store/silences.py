"""Silences: what is not told for a while.  They change no incident: the messages wait in the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from argus.routing.matchers import Matcher, all_match, parse
from argus.routing.times import covered, free_at
from argus.routing.weekly import from_json
from argus.store.models import OutboxRow, SilenceRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from argus.routing.times import Window

NEVER = 4_000_000_000.0  # the year 2096: until the incident is resolved


def add(
    session: Session, matchers: Iterable[Matcher], until: float | None, author: str, comment: str, now: float
) -> SilenceRow:
    """Write a silence down; ``until`` ``None`` holds until what it holds back is resolved."""
    words = [str(matcher) for matcher in matchers]
    row = SilenceRow(matchers=words, starts_at=now, until=until, author=author, comment=comment)
    session.add(row)
    session.flush()
    return row


def known(session: Session, now: float | None) -> Sequence[SilenceRow]:
    """Return the silences that are not over at a moment, the oldest first; all of them without one."""
    wanted = select(SilenceRow).order_by(SilenceRow.id)
    if now is not None:
        wanted = wanted.where(or_(SilenceRow.until.is_(None), SilenceRow.until > now))
    return session.scalars(wanted).all()


def active(session: Session, now: float) -> Sequence[SilenceRow]:
    """Return the silences that hold at a moment, the oldest first."""
    return [row for row in known(session, now) if state(row, now) == "holds"]


def state(row: SilenceRow, now: float) -> str:
    """Return ``over``, ``planned``, ``rests`` between two windows of a week, or ``holds``."""
    if row.until is not None and row.until <= now:
        return "over"
    if row.starts_at > now:
        return "planned"
    return "holds" if not row.weekly or covered(_windows(row), now) else "rests"


def ends_at(row: SilenceRow, now: float) -> float:
    """Return when a silence that holds now ceases to, for good or until the next week."""
    end = NEVER if row.until is None else row.until
    return min(end, free_at(_windows(row), now)) if row.weekly else end


def _windows(row: SilenceRow) -> tuple[Window, ...]:
    return tuple(from_json(each) for each in row.weekly or ())


def matching(rows: Iterable[SilenceRow], labels: Mapping[str, str], now: float) -> SilenceRow | None:
    """Return the silence that holds an incident back the longest."""
    found = [row for row in rows if all_match((parse(word) for word in row.matchers), labels)]
    return max(found, key=lambda row: ends_at(row, now), default=None)


def matcher(rows: Iterable[SilenceRow]) -> Callable[[Mapping[str, str]], bool]:
    """Return what tells whether any of the silences matches labels; for thousands of incidents."""
    every = [tuple(parse(word) for word in row.matchers) for row in rows]
    return lambda labels: any(all_match(matchers, labels) for matchers in every)


def hold_waiting(session: Session, row: SilenceRow, incidents: Collection[int], now: float) -> None:
    """Hold back what still waits to be told of incidents that are open: escalations, reminders."""
    if state(row, now) != "holds":
        return
    waiting = update(OutboxRow).where(
        OutboxRow.incident_id.in_(incidents),
        OutboxRow.state == "pending",
        OutboxRow.kind.in_(("open", "remind")),
        OutboxRow.attempts == 0,
        OutboxRow.next_at < ends_at(row, now),
    )
    session.execute(waiting.values(next_at=ends_at(row, now), silence_id=row.id))


def follow(
    session: Session,
    source: str,
    out: Mapping[str, str],
    now: float,
    back: Collection[str] | None = None,
) -> int:
    """Keep a silence for each node that somebody took out of service elsewhere; returns how many changed.

    ``source`` is who says so, ``out`` why, by node.  A silence ends with the maintenance that it follows:
    what it held back and what is still so is told then.  With ``back``, only those of these nodes end.
    """
    mine = select(SilenceRow).where(SilenceRow.source.startswith(f"{source}:"), SilenceRow.until.is_(None))
    known = {row.source.partition(":")[2]: row for row in session.scalars(mine)}
    for node, row in known.items():
        if node not in out and (back is None or node in back):
            expire(session, row.id, now)
    for node, why in out.items():
        if node not in known:
            row = add(session, [Matcher("node", "=", node)], None, source, why, now)
            row.source = f"{source}:{node}"
    return len(known.keys() ^ out.keys())


def expire(session: Session, number: int, now: float) -> bool:
    """End a silence now: what it held back is due at once.  False when there is no such silence."""
    row = session.get(SilenceRow, number)
    if row is None:
        return False
    row.until = now
    waiting = update(OutboxRow).where(OutboxRow.silence_id == number, OutboxRow.state == "pending")
    session.execute(waiting.values(next_at=now, silence_id=None))
    return True
