"""Leases with a fencing token: only one process does a thing at a time, and a late one changes nothing."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from argus.errors import ArgusError
from argus.store.engine import StoreError
from argus.store.models import LeaseRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from argus.store.engine import Store

log = logging.getLogger(__name__)

SECONDS = 15.0  # of a lease that is kept: who is killed leaves its work to others after that
KEPT = 4  # times that it is extended before it would run out

FAR = 3  # times as long as we would take it for: other processes may be set up for longer
SHORTEST = 60.0  # seconds; a few of difference between clocks are no jump
LONGEST_OWNER = 80  # characters; the column takes 100


class LeaseLostError(ArgusError):
    """Somebody else took over meanwhile; what was decided under the lease must not be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write under a name, as long as ``fence`` is the newest."""

    name: str
    fence: int


def acquire(store: Store, name: str, owner: str, seconds: float, now: float) -> Lease | None:
    """Take the lease if it is free or run out (or ours), else return ``None``.

    ``owner`` names a process, not a host: one that was killed and started anew waits for its own old lease.
    Of its threads each holds for itself: ``argus run`` has two that decide, and one must not rob the other.
    A lease that ends later than anybody takes one for is of a clock that was ahead, and counts as run out.
    """
    _make_row(store, name)
    holder = f"{owner[-LONGEST_OWNER:]}/{threading.get_native_id()}"
    with store.write() as session:
        mine = (
            update(LeaseRow)
            .where(
                LeaseRow.name == name,
                or_(
                    LeaseRow.until <= now,
                    LeaseRow.until > now + FAR * max(seconds, SHORTEST),
                    LeaseRow.owner == holder,
                ),
            )
            .values(owner=holder, fence=LeaseRow.fence + 1, until=now + seconds)
            .returning(LeaseRow.fence)
        )
        fence = session.scalar(mine)
    return None if fence is None else Lease(name, fence)


def extend(store: Store, lease: Lease, seconds: float, now: float) -> None:
    """Keep the lease for ``seconds`` from now.  Raises ``LeaseLostError`` if somebody else has taken it."""
    longer = update(LeaseRow).where(LeaseRow.name == lease.name, LeaseRow.fence == lease.fence)
    with store.write() as session:
        if session.scalar(longer.values(until=now + seconds).returning(LeaseRow.fence)) is None:
            raise LeaseLostError(f"the lease {lease.name} ran out and was taken over; nothing was written")


@contextmanager
def kept(
    store: Store, lease: Lease, seconds: float, clock: Callable[[], float], longest: float
) -> Iterator[Callable[[], None]]:
    """Keep a lease while the work inside goes on, however long one request of it takes.

    Yields what the work calls between two steps; it raises ``LeaseLostError`` when somebody else has taken
    over.  A step that takes more than ``longest`` seconds hangs: the lease is left to run out.
    """
    stop, step = threading.Event(), [time.monotonic()]

    def alive() -> None:
        step[0] = time.monotonic()
        extend(store, lease, seconds, clock())

    def keep() -> None:
        while not stop.wait(seconds / KEPT):
            if time.monotonic() - step[0] > longest:
                log.error("%s: one step takes more than %.0f s: its lease runs out", lease.name, longest)
                return
            try:
                extend(store, lease, seconds, clock())
            except LeaseLostError:
                return  # the work hears of it at its next step, and before it writes
            except StoreError as exc:
                log.debug("the lease %s could not be extended: %s", lease.name, exc)

    keeper = threading.Thread(target=keep, name=f"lease {lease.name}", daemon=True)
    keeper.start()
    try:
        yield alive
    finally:
        stop.set()
        keeper.join()


def finish(session: Session, lease: Lease) -> None:
    """Give the lease back in the transaction that it protects.

    Raises ``LeaseLostError``, which rolls the transaction back, if somebody else has taken it.
    """
    free = (
        update(LeaseRow).where(LeaseRow.name == lease.name, LeaseRow.fence == lease.fence).values(until=0.0)
    )
    if session.scalar(free.returning(LeaseRow.fence)) is None:
        raise LeaseLostError(f"the lease {lease.name} ran out and was taken over; nothing was written")


def release(store: Store, lease: Lease) -> None:
    """Give the lease back when nothing was written under it; one that was lost stays lost."""
    with store.write() as session:
        session.execute(
            update(LeaseRow)
            .where(LeaseRow.name == lease.name, LeaseRow.fence == lease.fence)
            .values(until=0.0)
        )


def _make_row(store: Store, name: str) -> None:
    with store.read() as session:
        if session.get(LeaseRow, name):
            return
    try:
        with store.write() as session:
            session.add(LeaseRow(name=name))
            session.flush()
    except StoreError as exc:
        if not isinstance(exc.__cause__, IntegrityError):  # another process made it first
            raise
