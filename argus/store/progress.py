"""What each task achieved, and what is known of the fleet: the figures that the exporter shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from argus.store import snapshots
from argus.store.models import FleetRow, ProgressRow, SnapshotRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

EXPORTER = "exporter"  # a process of its own that notes its runs as the jobs of the schedule do
BEGUN = "report begun"  # its row among the snapshots


def note(session: Session, task: str, started: float, seconds: float, error: str = "") -> None:
    """Write down one run of a task; ``error`` is empty for a success."""
    row = session.get(ProgressRow, task, with_for_update=True)
    if row is None:
        row = ProgressRow(task=task, last_run=started, seconds=seconds, runs=0, failures=0, error="")
        session.add(row)
    if row.first_run is None:
        row.first_run = started
    row.last_run, row.seconds, row.error = started, seconds, error
    row.runs += 1
    if error:
        row.failures += 1
    else:
        row.last_success = started + seconds


def begun(session: Session, task: str, now: float, gap: float) -> float:
    """Return since when a task has run without a gap, in seconds; a longer one begins anew.

    A clock that was set back begins anew as well.
    """
    row, known = session.get(ProgressRow, task), session.get(SnapshotRow, BEGUN)
    if row is not None and known is not None and known.payload and 0 <= now - row.last_run <= gap:
        since = float(known.payload["since"])
        if since <= now:
            return since
    snapshots.put(session, BEGUN, {"since": now}, now)
    return now


def write_fleet(session: Session, sums: Mapping[str, float], now: float) -> None:
    """Replace the sums over the fleet; one that is no longer known goes."""
    known = {row.name: row for row in session.scalars(select(FleetRow))}
    for name, row in known.items():
        if name not in sums:
            session.delete(row)
    for name, value in sums.items():
        row = known.get(name) or FleetRow(name=name)
        row.value, row.at = value, now
        session.add(row)
