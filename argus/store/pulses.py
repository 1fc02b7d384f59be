"""Whether Zabbix' server lives: the newest sign that it writes what it is sent, and when it was seen.

The API answers out of the database, whether the server runs or not: a server that is stopped shows by its
values that stand still.  Only the clock of whoever looks is asked, so that clocks that are apart do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.store import snapshots

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SOURCE = "zabbix pulse"  # its row among the snapshots
SELDOM = (
    10  # limits between two gaps that only nobody having looked makes: else who looks slowly sees nothing
)


@dataclass(frozen=True, slots=True)
class Pulse:
    """``beat`` differs from the one before while the server lives; ``seen_at`` is when it changed.

    ``awake_since`` is since when the server has been seen alive without a gap, ``lost`` whether it was not
    the last time that somebody looked; times are seconds since the epoch.
    """

    beat: float
    seen_at: float
    awake_since: float
    lost: bool = False


def get(session: Session) -> Pulse | None:
    """Return what is known; ``None`` before the first sign of life."""
    row = snapshots.get(session, SOURCE)
    if row is None or row.at is None or not isinstance(row.payload, dict):
        return None
    try:
        return Pulse(
            float(row.payload["beat"]), row.at, float(row.payload["since"]), bool(row.payload["lost"])
        )
    except (KeyError, TypeError, ValueError):  # written by another version: as if nobody had looked
        return None


def follow(session: Session, beat: float | None, limit: float, now: float) -> Pulse | None:
    """Note what was seen now, ``None`` where Zabbix could not be read; return what is known since.

    A server whose sign of life does not change for ``limit`` seconds is lost, and awake again at its next.
    """
    known = get(session)
    if beat is None:
        if known is not None and not known.lost:
            known = replace(known, lost=True)
            _put(session, known)
        return known
    if known is None or known.beat != beat:
        fresh = Pulse(beat, now, now if known is None or _gap(known, limit, now) else known.awake_since)
        _put(session, fresh)
        return fresh
    if known.seen_at > now:  # the clock was set back: count from here
        known = Pulse(beat, now, min(known.awake_since, now), known.lost)
        _put(session, known)
    elif now - known.seen_at > limit and not known.lost:
        known = replace(known, lost=True)
        _put(session, known)
    return known


def _gap(known: Pulse, limit: float, now: float) -> bool:
    if known.lost or known.awake_since > now:
        return True
    return now - known.seen_at > limit and now - known.awake_since > SELDOM * limit


def _put(session: Session, pulse: Pulse) -> None:
    payload = {"beat": pulse.beat, "since": pulse.awake_since, "lost": pulse.lost}
    snapshots.put(session, SOURCE, payload, pulse.seen_at)
