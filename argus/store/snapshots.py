"""What slow sources told last: read on their own time by one process, used by every cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.store.models import SnapshotRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def put(session: Session, source: str, payload: Any, now: float) -> None:
    """Replace what is known by a complete snapshot; ``payload`` is what JSON can hold."""
    row = _row(session, source, now)
    row.payload, row.at, row.error = payload, now, ""


def failed(session: Session, source: str, error: str, now: float) -> None:
    """Note why the source could not be read; what is known stays until it is too old."""
    _row(session, source, now).error = error


def get(session: Session, source: str) -> SnapshotRow | None:
    """Return what is known; ``None`` before the first try."""
    return session.get(SnapshotRow, source)


def _row(session: Session, source: str, now: float) -> SnapshotRow:
    row = session.get(SnapshotRow, source)
    if row is None:
        row = SnapshotRow(source=source, tried_at=now, error="")
        session.add(row)
    row.tried_at = now
    return row
