"""Who runs where, as far as one cycle needs it: guests in trouble, and those on nodes in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from argus.correlator.facts import Placement
from argus.store.models import GuestRow, PlacementRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy.orm import InstrumentedAttribute, Session

_MANY = 1000  # names in one statement


def placements(session: Session, guests: Collection[str], nodes: Collection[str]) -> tuple[Placement, ...]:
    """Return all stays of ``guests``, and those on ``nodes`` and on the nodes where ``guests`` were.

    Past stays are among them: who ran where when it broke decides what is a symptom of what.
    """
    mine = list(_read(session, guests, PlacementRow.guest))
    around = {stay.node for stay in mine} | set(nodes)
    return tuple(sorted({*mine, *_read(session, around, PlacementRow.node)}, key=_order))


def stays_of(session: Session, guests: Collection[str]) -> tuple[Placement, ...]:
    """Return where these guests ran, oldest first."""
    return tuple(sorted(_read(session, guests, PlacementRow.guest), key=_order))


def stays_on(session: Session, nodes: Collection[str]) -> tuple[Placement, ...]:
    """Return who ran on these nodes, guest by guest."""
    return tuple(sorted(_read(session, nodes, PlacementRow.node), key=_order))


def _read(
    session: Session, names: Collection[str], column: InstrumentedAttribute[str]
) -> Iterator[Placement]:
    wanted = sorted(names)
    stays = select(
        PlacementRow.guest,
        PlacementRow.node,
        GuestRow.name,
        GuestRow.project,
        PlacementRow.since,
        PlacementRow.until,
    ).outerjoin(GuestRow, GuestRow.uuid == PlacementRow.guest)
    for start in range(0, len(wanted), _MANY):
        page = stays.where(column.in_(wanted[start : start + _MANY]))
        for guest, node, name, project, since, until in session.execute(page):
            yield Placement(guest, node, name or "", project or "", since, until)


def _order(stay: Placement) -> tuple[str, float, str]:
    return stay.guest, stay.since, stay.node
