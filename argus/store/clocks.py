"""Which nodes' clocks are off, from one cycle to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from argus.correlator.clocks import Clock
from argus.store.models import ClockRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


def known(session: Session) -> dict[str, Clock]:
    """Return what was remembered, by host."""
    rows = session.scalars(select(ClockRow))
    return {row.host: Clock(row.at, row.seen, row.heard) for row in rows}


def remember(session: Session, before: Mapping[str, Clock], after: Mapping[str, Clock]) -> None:
    """Write what changed; a clock that is right is forgotten."""
    if before == after:
        return
    for row in session.scalars(select(ClockRow)):
        if row.host not in after:
            session.delete(row)
    for host, clock in after.items():
        if clock != before.get(host):
            session.merge(ClockRow(host=host, at=clock.at, seen=clock.seen, heard=clock.heard))
