"""``repeat_interval``: who was told is told again while it lasts and nobody looks after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.cycle import labels, notification
from argus.notify.base import Kind
from argus.store import outbox, reports, silences

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.site import Site
    from argus.store.models import IncidentRow


def remind(site: Site) -> bool:
    """Queue the reminders that are due; false when no route has a ``repeat_interval``."""
    if not site.router.repeats:
        return False
    now = site.clock()
    with site.store.write() as session:
        quiet = silences.active(session, now)
        for row in reports.unattended(session):
            if silences.matching(quiet, labels(row), now) is None:
                _of(session, site, row, now)
    return True


def _of(session: Session, site: Site, row: IncidentRow, now: float) -> None:
    newest = outbox.newest(session, row.id)
    lasts = f"still so after {(now - (row.told_at or now)) / 3600:.1f} h, and nobody acknowledged it"
    for due in site.router.due(labels(row), now):
        sent_at = newest.get(due.target)
        if due.repeat and due.muted_at is None and sent_at is not None and now - sent_at >= due.repeat:
            payload = notification(row, Kind.REMIND, lasts).payload()
            outbox.enqueue_reminder(session, row, due.target, payload, now)
