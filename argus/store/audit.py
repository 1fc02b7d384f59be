"""The auditor: whether what should have been told was told, asked of the tables and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from argus.store.models import AuditRow, IncidentRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

LATE_SECONDS = 300.0  # a message that is due for longer is late
RECENT_SECONDS = 86400.0
"""What ended longer ago was looked at every minute since; looking again would cost more each day."""


def violations(session: Session, now: float, *, anybody: bool) -> dict[str, list[int]]:
    """Return the ids of the incidents that violate each invariant.  Only reads.

    ``anybody`` says whether there is a receiver at all; without one, nothing can be late.
    """
    return {name: list(session.scalars(query)) for name, query in _queries(now, anybody=anybody).items()}


def debts(session: Session, found: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return what is owed now, of what was found: incidents that somebody ought to hear of and does not.

    What went wrong and is over stays a finding for a day.  It is no reason to call people by other means, and
    the less to hide by it that paging stops.
    """
    opening = aliased(OutboxRow)
    mine = (opening.incident_id == IncidentRow.id, opening.kind == "open")
    given_up = exists().where(*mine, opening.state == "dead")
    through = exists().where(*mine, opening.state.in_(("sent", "folded", "pending", "leased")))
    unheard = select(IncidentRow.id).where(IncidentRow.phase == "open", given_up, ~through)
    owed = {name: list(found.get(name, ())) for name in ("told", "in_time", "one_at_a_time")}
    return {**owed, "unheard": list(session.scalars(unheard))}


def note(session: Session, found: Mapping[str, Sequence[int]], now: float) -> None:
    """Write down what was found."""
    for name, ids in found.items():
        row = session.get(AuditRow, name) or AuditRow(invariant=name)
        row.violations, row.at = len(ids), now
        row.detail = f"incidents {', '.join(str(each) for each in ids[:20])}" if ids else ""
        session.add(row)


def results(session: Session) -> Sequence[AuditRow]:
    """Return what the auditor found last."""
    return session.scalars(select(AuditRow).order_by(AuditRow.invariant)).all()


def _queries(now: float, *, anybody: bool) -> dict[str, Select[Any]]:
    """Every query begins at what is recent, by an index, and looks for its counterpart by another."""
    opening, answer = aliased(OutboxRow), aliased(OutboxRow)
    told = exists().where(opening.incident_id == IncidentRow.id, opening.kind == "open")
    late, recent = now - LATE_SECONDS, now - RECENT_SECONDS
    same = and_(answer.incident_id == opening.incident_id, answer.receiver == opening.receiver)
    ended = exists().where(same, answer.kind == "resolve")
    untold = select(IncidentRow.id).where(IncidentRow.phase == "open", IncidentRow.told_at < late, ~told)
    # a difference, so that SQLite does not take the index of times, which reads half of the table for each
    later = exists().where(same, opening.kind == "open", opening.sent_at - answer.sent_at > 0)
    return {
        # I1: who is to be told is told, in time
        "told": untold if anybody else untold.where(IncidentRow.id < 0),
        "in_time": select(OutboxRow.incident_id).where(
            OutboxRow.state.in_(("pending", "leased")), OutboxRow.next_at < late, OutboxRow.kind == "open"
        ),
        "not_given_up": select(OutboxRow.incident_id).where(
            OutboxRow.state == "dead", OutboxRow.created_at > recent
        ),
        # I2: no end before its beginning
        "in_order": select(answer.incident_id).where(
            answer.kind == "resolve", answer.created_at > recent, later.correlate(answer)
        ),
        # I3: whoever got, or may have got, the beginning gets the end
        "ended": select(opening.incident_id)
        .join(IncidentRow, IncidentRow.id == opening.incident_id)
        .where(
            opening.kind == "open",
            or_(opening.state == "sent", and_(opening.state == "dead", opening.maybe_sent)),
            IncidentRow.phase == "resolved",
            IncidentRow.resolved_at < late,
            IncidentRow.resolved_at > recent,
            ~ended,
        ),
        # I4: one at a time for a receiver and incident: two leases of one pair cannot be
        "one_at_a_time": select(OutboxRow.incident_id)
        .where(OutboxRow.state == "leased", OutboxRow.lease_until > now)
        .group_by(OutboxRow.incident_id, OutboxRow.receiver)
        .having(func.count() > 1),
    }
