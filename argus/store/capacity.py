"""History of use: the maximum of each day, by fleet, scope and resource class; what forecasts rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from argus.store.models import UsageRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

DAY = 86400.0


@dataclass(slots=True)
class Series:
    """(seconds since the epoch, used), the oldest first, and the newest capacity."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    capacity: float = 0.0


def note(session: Session, fleet: str, figures: Iterable[tuple[str, str, float, float]], now: float) -> None:
    """Write down (scope, class, used, capacity); of a day the largest use and the newest capacity stay."""
    day = int(now // DAY)
    known = {
        (row.scope, row.kind): row
        for row in session.scalars(select(UsageRow).where(UsageRow.fleet == fleet, UsageRow.day == day))
    }
    for scope, kind, used, capacity in figures:
        row = known.get((scope, kind))
        if row is None:
            session.add(UsageRow(fleet=fleet, scope=scope, kind=kind, day=day, used=used, capacity=capacity))
        else:
            row.used, row.capacity = max(row.used, used), capacity


def series(session: Session, since: float) -> dict[tuple[str, str, str], Series]:
    """Return what is known from ``since`` on, by fleet, scope and class."""
    found: dict[tuple[str, str, str], Series] = {}
    wanted = select(UsageRow).where(UsageRow.day >= int(since // DAY)).order_by(UsageRow.day)
    for row in session.scalars(wanted):
        mine = found.setdefault((row.fleet, row.scope, row.kind), Series())
        mine.samples.append((row.day * DAY, row.used))
        mine.capacity = row.capacity
    return found


def prune(session: Session, before: float) -> None:
    """Forget what is older."""
    session.execute(delete(UsageRow).where(UsageRow.day < int(before // DAY)))
