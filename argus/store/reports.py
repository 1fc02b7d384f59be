"""What commands and the exporter show; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, or_, select

from argus.store.models import (
    DecisionRow,
    FleetRow,
    IncidentRow,
    LeaseRow,
    OutboxRow,
    ProgressRow,
    SnapshotRow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

WAITS = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # seconds at most before each further attempt
SHOWN = 500  # incidents in one answer; newest first


@dataclass(frozen=True, slots=True)
class Outbox:
    """Messages by state."""

    by_state: dict[str, int]


def incidents(session: Session, phases: Sequence[str], limit: int | None = SHOWN) -> Sequence[IncidentRow]:
    """Return incidents in one of ``phases``, the newest first; all of them without a limit."""
    return session.scalars(
        select(IncidentRow)
        .where(IncidentRow.phase.in_(phases))
        .order_by(IncidentRow.since.desc(), IncidentRow.id.desc())
        .limit(limit)
    ).all()


def causes(session: Session, limit: int) -> Sequence[IncidentRow]:
    """Return open incidents that follow from no other, the newest first."""
    roots = select(IncidentRow).where(IncidentRow.phase == "open", IncidentRow.cause_rule == "")
    return session.scalars(roots.order_by(IncidentRow.since.desc(), IncidentRow.id.desc()).limit(limit)).all()


def unattended(session: Session) -> Sequence[IncidentRow]:
    """Return open incidents that people were told of, and that nobody acknowledged."""
    open_ = (IncidentRow.phase == "open", IncidentRow.told_at.is_not(None), IncidentRow.acked_at.is_(None))
    return session.scalars(select(IncidentRow).where(*open_).order_by(IncidentRow.id)).all()


def told_between(session: Session, since: float, until: float) -> Sequence[IncidentRow]:
    """Return the incidents that people were to be told of in a span of time, the oldest first."""
    within = (IncidentRow.told_at >= since, IncidentRow.told_at <= until)
    return session.scalars(select(IncidentRow).where(*within).order_by(IncidentRow.told_at)).all()


def about(session: Session, word: str, limit: int = 10) -> Sequence[IncidentRow]:
    """Return the newest incidents of a subject: its key, its name, or what is on that node."""
    mine = or_(IncidentRow.subject == word, IncidentRow.label == word, IncidentRow.place == word)
    return session.scalars(select(IncidentRow).where(mine).order_by(IncidentRow.id.desc()).limit(limit)).all()


def dropped(session: Session, subject: str, limit: int = 10) -> Sequence[DecisionRow]:
    """Return when something of a subject was over before it was due to open."""
    mine = (DecisionRow.subject == subject, DecisionRow.what == "dropped")
    return session.scalars(
        select(DecisionRow).where(*mine).order_by(DecisionRow.id.desc()).limit(limit)
    ).all()


def counts(session: Session, phases: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Count incidents by phase, severity and rule."""
    by = (IncidentRow.phase, IncidentRow.severity, IncidentRow.rule)
    counted = session.execute(select(*by, func.count()).where(IncidentRow.phase.in_(phases)).group_by(*by))
    return {(phase, severity, rule): number for phase, severity, rule, number in counted}


def waiting(session: Session, limit: int = 1000) -> Sequence[tuple[str, str, float]]:
    """Return rule, subject and since when (seconds) of what is found, but not open yet; the oldest first."""
    columns = (IncidentRow.rule, IncidentRow.subject, IncidentRow.since)
    found = select(*columns).where(IncidentRow.phase == "pending", IncidentRow.held == "")
    rows = session.execute(found.order_by(IncidentRow.since).limit(limit))
    return [(rule, subject, since) for rule, subject, since in rows]


def incident(session: Session, number: int) -> IncidentRow | None:
    """Return one incident."""
    return session.get(IncidentRow, number)


def decisions(session: Session, number: int) -> Sequence[DecisionRow]:
    """Return why an incident is as it is, oldest first; also of one that was dropped and left no row."""
    return session.scalars(
        select(DecisionRow).where(DecisionRow.incident_id == number).order_by(DecisionRow.id)
    ).all()


def messages(session: Session, number: int) -> Sequence[OutboxRow]:
    """Return the messages about an incident."""
    return session.scalars(
        select(OutboxRow).where(OutboxRow.incident_id == number).order_by(OutboxRow.id)
    ).all()


def silenced(session: Session) -> set[int]:
    """Return the incidents of which nothing has left because a silence holds it back."""
    gone = select(OutboxRow.incident_id).where(OutboxRow.state.in_(("sent", "leased")))
    held = select(OutboxRow.incident_id).where(
        OutboxRow.silence_id.is_not(None), OutboxRow.state == "pending", OutboxRow.incident_id.not_in(gone)
    )
    return set(session.scalars(held))


def outbox(session: Session) -> Outbox:
    """Count the messages."""
    counted = session.execute(select(OutboxRow.state, func.count()).group_by(OutboxRow.state))
    return Outbox({row[0]: row[1] for row in counted})


def overdue(session: Session, now: float) -> tuple[int, float | None]:
    """Count the messages that should be out by now, and tell since when the oldest has been due, in seconds.

    One that a silence holds is not, nor one whose time has not come: a step of an escalation, the end of a
    mute, the next of a group.  One that was tried waits for its next attempt: it has been due since the
    first, and when that was is told by what its attempts waited for at most.
    """
    waited = case(
        {tries: float(sum(WAITS[:tries])) for tries in range(len(WAITS) + 1)},
        value=OutboxRow.attempts,
        else_=sum(WAITS) + WAITS[-1] * (OutboxRow.attempts - len(WAITS)),
    )
    planned = OutboxRow.next_at - waited
    due = case((planned > OutboxRow.created_at, planned), else_=OutboxRow.created_at)
    late = select(func.count(), func.min(due)).where(
        OutboxRow.state.in_(("pending", "leased")),
        OutboxRow.silence_id.is_(None),
        or_(OutboxRow.attempts > 0, OutboxRow.next_at <= now),
    )
    number, oldest = session.execute(late).one()
    return number, oldest


def progress(session: Session) -> Sequence[ProgressRow]:
    """Return what each task achieved."""
    return session.scalars(select(ProgressRow).order_by(ProgressRow.task)).all()


def cursors(session: Session) -> Sequence[tuple[str, float]]:
    """Return when each source that is read between cycles was last read whole, in seconds."""
    read = select(SnapshotRow.source, SnapshotRow.at).order_by(SnapshotRow.source)
    return [(source, at) for source, at in session.execute(read) if at is not None]


def leases(session: Session) -> Sequence[LeaseRow]:
    """Return who may do what only one may do at a time."""
    return session.scalars(select(LeaseRow).order_by(LeaseRow.name)).all()


def fleet(session: Session) -> Sequence[FleetRow]:
    """Return the newest sums over the fleet."""
    return session.scalars(select(FleetRow).order_by(FleetRow.name)).all()


def suppressed(session: Session) -> tuple[int, int]:
    """Count open incidents that are symptoms, and incidents that cannot be judged at present."""
    active = select(func.count()).where(IncidentRow.phase != "resolved")
    symptoms = active.where(IncidentRow.phase == "open", IncidentRow.cause_rule != "")
    return session.scalar(symptoms) or 0, session.scalar(active.where(IncidentRow.held != "")) or 0
