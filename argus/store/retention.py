"""What is deleted when it is old: every table that grows has its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, select

from argus.store.models import (
    AuditRow,
    DecisionRow,
    IncidentRow,
    LeaseRow,
    OutboxRow,
    PlacementRow,
    ProgressRow,
    ReceiverRow,
    SilenceRow,
    SnapshotRow,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute, Session

PRUNED_AT_ONCE = 5000  # rows in one transaction: short enough to keep no other writer waiting


def prune(session: Session, before: float) -> int:
    """Delete what ended, or was last used, before then (seconds since the epoch); returns how many rows.

    What is open stays however old it is: incidents, silences without an end, placements of guests that run.
    Messages go with their incident.
    """
    return sum(_delete(session, key, old) for key, old in rows_that_are_old(before))


def rows_that_are_old(before: float) -> tuple[tuple[InstrumentedAttribute[Any], ColumnElement[bool]], ...]:
    """Return the key of each table and what of it is old; in this order, as some follow from others."""
    no_incident = ~exists().where(IncidentRow.id == DecisionRow.incident_id)
    in_use = exists().where(OutboxRow.silence_id == SilenceRow.id, OutboxRow.state == "pending")
    used = (ReceiverRow.accepted_at, ReceiverRow.failed_at, ReceiverRow.probed_at)
    read = "read "  # leases of sources; the others are a handful with names that never change
    no_source = ~exists().where(LeaseRow.name == func.substr(read + SnapshotRow.source, 1, 50))
    return (
        (IncidentRow.id, and_(IncidentRow.phase == "resolved", IncidentRow.resolved_at < before)),
        (DecisionRow.id, and_(DecisionRow.at < before, no_incident)),
        (SilenceRow.id, and_(SilenceRow.until < before, ~in_use)),
        (ReceiverRow.target, _all_before(before, *used)),
        (SnapshotRow.source, SnapshotRow.tried_at < before),
        (LeaseRow.name, and_(LeaseRow.name.startswith(read), LeaseRow.until < before, no_source)),
        (ProgressRow.task, ProgressRow.last_run < before),
        (AuditRow.invariant, AuditRow.at < before),
        (PlacementRow.id, PlacementRow.until < before),
    )


def _all_before(before: float, *times: InstrumentedAttribute[float | None]) -> ColumnElement[bool]:
    return and_(*(func.coalesce(each, 0.0) < before for each in times))


def _delete(session: Session, key: InstrumentedAttribute[Any], old: ColumnElement[bool]) -> int:
    some = select(key).where(old).limit(PRUNED_AT_ONCE)
    return len(session.scalars(delete(key.class_).where(key.in_(some)).returning(key)).all())
