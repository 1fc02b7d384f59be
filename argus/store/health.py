"""How receivers fare: one that fails again and again is left alone for a while, and others go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from argus.store.models import ReceiverRow
from argus.store.rows import ensure

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.orm import Session

TRIPS_AFTER = 3  # failures in a row
LONGEST_PAUSE = 4000.0  # seconds; argus.notify.http obeys an hour at most
RESTS = (5.0, 10.0, 20.0, 40.0, 60.0)  # seconds; a minute at most, so that a mended receiver soon works again


def accepted(session: Session, target: str, now: float) -> None:
    """Note a success: the receiver is well."""
    row = _row(session, target)
    row.failures, row.error, row.rest_until = 0, "", 0.0
    row.bad_since, row.probe_error = None, ""  # a message is the best probe
    row.accepted_at = now
    row.sent += 1


def failed(session: Session, target: str, error: str, now: float) -> None:
    """Note a failure; after a few in a row the receiver rests, and one message then tries it."""
    row = _row(session, target)
    row.failures += 1
    row.failed += 1
    row.failed_at, row.error = now, error
    if row.failures >= TRIPS_AFTER:
        row.rest_until = now + RESTS[min(row.failures - TRIPS_AFTER, len(RESTS) - 1)]
        row.bad_since = row.bad_since if row.bad_since is not None else now


def answers(session: Session, server: str) -> None:
    """Note that a server which several receivers share took something for one of them."""
    row = session.get(ReceiverRow, server)
    if row is not None and (row.failures or row.bad_since is not None):
        row.failures, row.error, row.rest_until = 0, "", 0.0
        row.bad_since, row.probe_error = None, ""


def paused(session: Session, target: str, until: float) -> None:
    """Leave a receiver alone that is healthy and asked for it (429, Retry-After)."""
    row = _row(session, target)
    row.rest_until = max(row.rest_until, until)


def probed(session: Session, target: str, error: str, now: float) -> bool:
    """Note what a probe found, empty for well; true for news.  One that is well again rests no more."""
    row = _row(session, target)
    news = row.probe_error != error
    row.probed_at, row.probe_error = now, error
    if error:
        row.bad_since = row.bad_since if row.bad_since is not None else now
    else:
        if row.bad_since is not None:  # or it asked for a pause, which a probe does not end
            row.rest_until = 0.0
        row.bad_since = row.bad_since if row.failures >= TRIPS_AFTER else None
    return news


def failing(session: Session) -> dict[str, str]:
    """Return the targets that take nothing now, and why; ``email`` stands for all addresses."""
    bad = select(ReceiverRow).where(ReceiverRow.bad_since.is_not(None)).order_by(ReceiverRow.target)
    return {
        row.target: row.error if row.failures >= TRIPS_AFTER else row.probe_error
        for row in session.scalars(bad)
    }


def resting(session: Session, now: float) -> list[str]:
    """Return the targets that are left alone now; none for longer than any may ask for, if a clock jumped."""
    rests = (ReceiverRow.rest_until > now, ReceiverRow.rest_until <= now + LONGEST_PAUSE)
    return list(session.scalars(select(ReceiverRow.target).where(*rests)))


def all_of(session: Session) -> Sequence[ReceiverRow]:
    """Return what is known of each receiver."""
    return session.scalars(select(ReceiverRow).order_by(ReceiverRow.target)).all()


def forget(session: Session, known: Collection[str]) -> int:
    """Delete what is known of receivers that are no longer set up; returns how many."""
    gone = delete(ReceiverRow).where(ReceiverRow.target.not_in(known))
    return len(session.scalars(gone.returning(ReceiverRow.target)).all())


def _row(session: Session, target: str) -> ReceiverRow:
    first = {"target": target, "failures": 0, "rest_until": 0.0, "sent": 0, "failed": 0, "error": ""}
    return ensure(session, ReceiverRow, first)
