"""Silences: what is not told for a while.  They change no incident: the messages wait in the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from argus.routing.matchers import Matcher, all_match, parse
from argus.routing.times import NEVER, covered, free_at
from argus.routing.weekly import from_json
from argus.store.models import OutboxRow, SilenceRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Self

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from argus.routing.times import Window

SNOOZE = "snooze"  # begins the source of a silence that is one incident's snooze
REMINDED_WITHIN = 86400.0  # seconds after the end of a snooze; by then all workers have seen it
REMEMBERED = 4096  # matchers that are read once only


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


@lru_cache(maxsize=REMEMBERED)
def _parsed(word: str) -> Matcher:
    return parse(word)


def matches(row: SilenceRow, labels: Mapping[str, str]) -> bool:
    """Tell whether a silence is about an incident with these labels."""
    return all_match((_parsed(word) for word in row.matchers), labels)


def matching(rows: Iterable[SilenceRow], labels: Mapping[str, str], now: float) -> SilenceRow | None:
    """Return the silence that holds an incident back the longest."""
    found = [row for row in rows if matches(row, labels)]
    return max(found, key=lambda row: ends_at(row, now), default=None)


@dataclass(frozen=True, slots=True)
class Quiet:
    """The silences that hold at one moment, for the many incidents of one transaction.

    Those of one node or incident, of which a maintenance of a whole row makes hundreds, are found by it.
    """

    now: float
    by_value: Mapping[tuple[str, str], Sequence[SilenceRow]]
    others: Sequence[SilenceRow]

    @classmethod
    def at(cls, session: Session, now: float) -> Self:
        """Read the silences that hold at a moment (seconds since the epoch)."""
        by_value: dict[tuple[str, str], list[SilenceRow]] = {}
        others = []
        for row in active(session, now):
            first = _parsed(row.matchers[0]) if len(row.matchers) == 1 else None
            if first is not None and first.op == "=" and first.value:
                by_value.setdefault((first.label, first.value), []).append(row)
            else:
                others.append(row)
        return cls(now, by_value, others)

    def matching(self, labels: Mapping[str, str]) -> SilenceRow | None:
        """Return the silence that holds an incident with these labels back the longest."""
        mine = [row for item in labels.items() for row in self.by_value.get(item, ())]
        return matching([*mine, *self.others], labels, self.now)


def hold(session: Session, message: OutboxRow, until: float, silence: SilenceRow | None) -> None:
    """Let a message wait; an escalation whose incident nobody was told of begins its clock at the end."""
    began = message.step == 0 or _has_begun(session, message.incident_id)
    message.next_at = min(NEVER, until if began else until + message.after)
    message.silence_id = None if silence is None else silence.id


def _has_begun(session: Session, incident: int) -> bool:
    sent = select(OutboxRow.id).where(
        OutboxRow.incident_id == incident,
        OutboxRow.kind == "open",
        or_(OutboxRow.sent_at.is_not(None), OutboxRow.attempts > 0),
    )
    return session.scalar(sent.limit(1)) is not None


def hold_waiting(session: Session, row: SilenceRow, incidents: Collection[int], now: float) -> None:
    """Hold back what still waits to be told of incidents that are open: escalations, reminders.

    Whoever sends asks the silences anyway; this is for those who look at what waits.
    """
    if state(row, now) != "holds":
        return
    end = ends_at(row, now)
    for some in _portions(sorted(incidents)):
        waiting = select(OutboxRow).where(
            OutboxRow.incident_id.in_(some),
            OutboxRow.state == "pending",
            OutboxRow.kind.in_(("open", "remind")),
            OutboxRow.attempts == 0,
            OutboxRow.next_at < end,
        )
        for message in session.scalars(waiting).all():
            hold(session, message, end, row)


PORTION = 500  # ids in one statement


def _portions(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + PORTION] for start in range(0, len(ids), PORTION))


def follow(
    session: Session,
    source: str,
    out: Mapping[str, str],
    now: float,
    back: Collection[str] | None = None,
    label: str = "node",
) -> int:
    """Keep a silence for each node that somebody took out of service elsewhere; returns how many changed.

    ``source`` is who says so, ``out`` why, by node (or by another ``label``).  A silence ends with the
    maintenance that it follows: what it held back and what is still so is told then.  With ``back``, only
    those of these nodes end.
    """
    mine = select(SilenceRow).where(
        SilenceRow.source.startswith(f"{source}:", autoescape=True), SilenceRow.until.is_(None)
    )
    known = {row.source[len(source) + 1 :]: row for row in session.scalars(mine)}
    for node, row in known.items():
        if node not in out and (back is None or node in back):
            expire(session, row.id, now)
    for node, why in out.items():
        if node not in known:
            row = add(session, [Matcher(label, "=", node)], None, source, why, now)
            row.source = f"{source}:{node}"
    return len(known.keys() ^ out.keys())


def expire(session: Session, number: int, now: float) -> bool:
    """End a silence now: what it held back is due at once, unless another one holds it.

    False when there is no such silence, and when it is over already: then nothing changes.
    """
    row = session.get(SilenceRow, number)
    if row is None or state(row, now) == "over":
        return False
    row.until = now
    session.flush()
    let_go(session, OutboxRow.silence_id == number, now)
    return True


def let_go(session: Session, which: ColumnElement[bool], now: float) -> None:
    """Make messages due that were held; whoever sends them asks whether anything else holds them."""
    waiting = select(OutboxRow).where(which, OutboxRow.state == "pending")
    for message in session.scalars(waiting).all():
        hold(session, message, now, None)
    session.flush()


def until_resolved(session: Session, now: float) -> Sequence[SilenceRow]:
    """Return the silences that end with what they hold back."""
    ends = select(SilenceRow).where(
        SilenceRow.until.is_(None),
        SilenceRow.source == "",
        SilenceRow.weekly.is_(None),
        SilenceRow.starts_at <= now,
    )
    return session.scalars(ends.order_by(SilenceRow.id)).all()


def end_with(session: Session, row: SilenceRow, now: float, *, is_open: bool, is_pending: bool) -> bool:
    """End a silence whose incidents are all over.

    ``is_open`` and ``is_pending`` tell whether it matches incidents in that phase.  One that has matched
    nothing yet waits for its first.
    """
    if is_open:
        row.matched_at = now if row.matched_at is None else row.matched_at
    elif row.matched_at is not None and not is_pending:
        return expire(session, row.id, now)
    return False


def snooze(
    session: Session, incident: int, until: float, author: str, comment: str, now: float
) -> SilenceRow:
    """Hold one incident back until then; a second snooze takes the place of the first."""
    source = f"{SNOOZE}:{incident}"
    mine = select(SilenceRow).where(SilenceRow.source == source, SilenceRow.until > now)
    for old in session.scalars(mine).all():
        expire(session, old.id, now)
        old.source = ""  # it did not run out, so nobody is reminded of it
    row = add(session, [Matcher("incident", "=", str(incident))], until, author, comment, now)
    row.source = source
    session.flush()
    hold_waiting(session, row, [incident], now)
    return row


def snoozes(session: Session, now: float) -> dict[int, SilenceRow]:
    """Return the snoozes that ran out within a day, the newest by incident."""
    over = (SilenceRow.until <= now, SilenceRow.until > now - REMINDED_WITHIN)
    rows = select(SilenceRow).where(SilenceRow.source.startswith(f"{SNOOZE}:"), *over)
    return {
        int(row.source.partition(":")[2]): row for row in session.scalars(rows.order_by(SilenceRow.until))
    }


def ended_at(row: SilenceRow, now: float) -> float | None:
    """Return when a silence ended, ``None`` when it has not."""
    return row.until if row.until is not None and row.until <= now else None
