"""The auditor: whether what should have been told was told, asked of the tables and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from argus.store.models import AuditRow, IncidentRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

LATE_SECONDS = 300.0  # a message that is due for longer is late
RECENT_SECONDS = 86400.0


def run(session: Session, now: float, *, anybody: bool) -> dict[str, int]:
    """Count the violations of each invariant and write them down.

    ``anybody`` says whether there is a receiver at all; without one, nothing can be late.
    """
    found = {name: session.scalars(query).all() for name, query in _queries(now, anybody=anybody).items()}
    for name, ids in found.items():
        row = session.get(AuditRow, name) or AuditRow(invariant=name)
        row.violations, row.at = len(ids), now
        row.detail = f"incidents {', '.join(str(each) for each in ids[:20])}" if ids else ""
        session.add(row)
    return {name: len(ids) for name, ids in found.items()}


def results(session: Session) -> Sequence[AuditRow]:
    """Return what the auditor found last."""
    return session.scalars(select(AuditRow).order_by(AuditRow.invariant)).all()


def _queries(now: float, *, anybody: bool) -> dict[str, Select[Any]]:
    opening, answer = aliased(OutboxRow), aliased(OutboxRow)
    told = exists().where(opening.incident_id == IncidentRow.id, opening.kind == "open")
    late = now - LATE_SECONDS
    same = and_(answer.incident_id == opening.incident_id, answer.receiver == opening.receiver)
    ended = exists().where(same, answer.kind == "resolve")
    untold = select(IncidentRow.id).where(IncidentRow.phase == "open", IncidentRow.told_at < late, ~told)
    return {
        # I1: who is to be told is told, in time
        "told": untold if anybody else untold.where(IncidentRow.id < 0),
        "in_time": select(OutboxRow.incident_id).where(
            OutboxRow.state.in_(("pending", "leased")), OutboxRow.next_at < late, OutboxRow.kind == "open"
        ),
        "not_given_up": select(OutboxRow.incident_id).where(
            OutboxRow.state == "dead", OutboxRow.created_at > now - RECENT_SECONDS
        ),
        # I2: no end before its beginning
        "in_order": select(opening.incident_id)
        .join(answer, same)
        .where(opening.kind == "open", answer.kind == "resolve", answer.sent_at < opening.sent_at),
        # I3: whoever got, or may have got, the beginning gets the end
        "ended": select(opening.incident_id)
        .join(IncidentRow, IncidentRow.id == opening.incident_id)
        .where(
            opening.kind == "open",
            or_(opening.state == "sent", and_(opening.state == "dead", opening.maybe_sent)),
            IncidentRow.phase == "resolved",
            IncidentRow.resolved_at < late,
            ~ended,
        ),
        # I4: one at a time for a receiver and incident: two leases of one pair cannot be
        "one_at_a_time": select(OutboxRow.incident_id)
        .where(OutboxRow.state == "leased", OutboxRow.lease_until > now)
        .group_by(OutboxRow.incident_id, OutboxRow.receiver)
        .having(func.count() > 1),
    }
