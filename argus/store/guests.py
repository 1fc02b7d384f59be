"""What is remembered of guests: where they ran and when, and what became of their hosts in Zabbix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from argus.correlator.guest_life import Memory
from argus.store.models import GuestRow, PlacementRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.orm import Session

    from argus.correlator.guest_life import GuestHost

_MANY = 1000  # names in one statement


def memories(session: Session) -> dict[str, Memory]:
    """Return what is remembered, by the guest's UUID."""
    return {
        row.uuid: Memory(row.node, row.gone_since, row.disabled_at, row.tried_at)
        for row in session.scalars(select(GuestRow))
    }


def note(session: Session, hosts: Iterable[GuestHost], gone: Collection[str], now: float) -> None:
    """Write down who reports, who has moved and who is gone since when."""
    known = {row.uuid: row for row in session.scalars(select(GuestRow))}
    for host in hosts:
        row = known.get(host.uuid)
        if row is None:
            row = GuestRow(uuid=host.uuid, name="", node="", project="", flavor="", seen_at=0.0, tried_at=0.0)
            session.add(row)
        if host.at > row.seen_at:
            row.seen_at = host.at
            _moved(session, row, host)
            for column, fact in (("name", "name"), ("project", "project_name"), ("flavor", "flavor")):
                setattr(row, column, host.facts.get(fact) or getattr(row, column))
        if host.uuid not in gone:
            row.gone_since = None
        elif row.gone_since is None:
            row.gone_since = now


def _moved(session: Session, row: GuestRow, host: GuestHost) -> None:
    """End the placement on the old node and begin one on the new one."""
    node = host.facts.get("node", "")
    if not node or node == row.node:
        return
    since = host.node_since or host.at
    last = update(PlacementRow).where(PlacementRow.guest == row.uuid, PlacementRow.until.is_(None))
    session.execute(last.values(until=since))
    session.add(PlacementRow(guest=row.uuid, node=node, since=since))
    row.node = node


def disabled(session: Session, uuids: Collection[str], now: float) -> None:
    """Remember that Argus disabled these hosts; their placements end."""
    _set(session, uuids, disabled_at=now)
    for part in _parts(uuids):
        _end(session, part, now)


def tried(session: Session, uuids: Collection[str], now: float) -> None:
    """Remember that these hosts were enabled again, to see whether the guests are back."""
    _set(session, uuids, disabled_at=None, gone_since=None, tried_at=now, node="")


def forget(session: Session, uuids: Collection[str], now: float) -> None:
    """Forget guests whose hosts were removed; where they ran until now stays as long as incidents do."""
    for part in _parts(uuids):
        _end(session, part, now)
        session.execute(delete(GuestRow).where(GuestRow.uuid.in_(part)))


def called(session: Session, name: str) -> Sequence[str]:
    """Return the UUIDs of guests with this name; several may have it."""
    return session.scalars(select(GuestRow.uuid).where(GuestRow.name == name)).all()


def placements(session: Session, guest: str) -> Sequence[PlacementRow]:
    """Return where a guest ran, oldest first."""
    wanted = select(PlacementRow).where(PlacementRow.guest == guest)
    return session.scalars(wanted.order_by(PlacementRow.since, PlacementRow.id)).all()


def _end(session: Session, uuids: Sequence[str], now: float) -> None:
    """End where the guests run."""
    here = update(PlacementRow).where(PlacementRow.guest.in_(uuids), PlacementRow.until.is_(None))
    session.execute(here.values(until=now))


def _set(session: Session, uuids: Collection[str], **values: object) -> None:
    for part in _parts(uuids):
        session.execute(update(GuestRow).where(GuestRow.uuid.in_(part)).values(**values))


def _parts(uuids: Collection[str]) -> Iterable[list[str]]:
    names = sorted(uuids)
    return (names[start : start + _MANY] for start in range(0, len(names), _MANY))
