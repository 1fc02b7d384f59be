"""``argus resolve``: a person ends an incident, with a reason that stays in its history."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from argus.correlator.incident import Phase
from argus.cycle import LEASE, notification
from argus.errors import ArgusError
from argus.notify.base import Kind
from argus.store import leases, outbox, reports
from argus.store.incidents import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from argus.store.engine import Store
    from argus.store.leases import Lease

LEASE_SECONDS = 10.0
WAIT_SECONDS = 60.0  # for a cycle that is under way: it would write over what is ended here
RETRY_SECONDS = 0.2


def resolve(
    store: Store,
    number: int,
    author: str,
    comment: str,
    *,
    form: str = "table",
    clock: Callable[[], float] = time.time,
) -> int:
    """End an open incident: whoever was told of it hears the end, and what still stands opens anew.

    Raises ``ArgusError`` for one that is not open, without a comment, and while a cycle does not end.
    """
    if not comment.strip():
        raise ArgusError("--comment says why the incident is ended: it must not be empty")
    lease = _between_cycles(store, clock, time.sleep)
    try:
        with store.write() as session:
            leases.finish(session, lease)
            end(session, number, author, comment, clock())
    except ArgusError:
        leases.release(store, lease)
        raise
    if form == "json":
        print(json.dumps({"incident": number, "resolved_by": author, "comment": comment}, indent=2))
    else:
        print(f"incident {number} is resolved by {author}: {comment}")
    return 0


def end(session: Session, number: int, author: str, comment: str, now: float) -> None:
    """Write the end of an open incident and queue it.  Raises ``ArgusError`` for one that is not open."""
    row = reports.incident(session, number)
    if row is None:
        raise ArgusError(f"there is no incident {number}; argus incidents lists them")
    if row.phase != Phase.OPEN.value:
        raise ArgusError(f"incident {number} is {row.phase}, not open: there is nothing to end")
    row.phase, row.resolved_at, row.held = Phase.RESOLVED.value, now, ""
    reason = f"by {author}: {comment}"
    record(session, row, "resolved", reason, now)
    payload = notification(row, Kind.RESOLVE, f"resolved {reason}", author).payload()
    outbox.enqueue_resolve(session, row, payload, now)


def _between_cycles(store: Store, clock: Callable[[], float], sleep: Callable[[float], None]) -> Lease:
    """Take the right to decide, so that no cycle writes what it read before."""
    owner, until = f"argus resolve:{os.getpid()}", clock() + WAIT_SECONDS
    while (lease := leases.acquire(store, LEASE, owner, LEASE_SECONDS, clock())) is None:
        if clock() >= until:
            raise ArgusError(f"a cycle has been under way for {WAIT_SECONDS:.0f} s; try again later")
        sleep(RETRY_SECONDS)
    return lease
