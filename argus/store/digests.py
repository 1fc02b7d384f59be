"""What a receiver's limit holds back: one message in place of many, and none of them lost.

A digest is a message like any other: leased, fenced, tried again with the same bytes.  Those that it carries
are ``folded``, and become what it becomes: ``sent``, or ``dead``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from argus.catalogue.model import Severity
from argus.notify.base import Kind, Notification
from argus.store.incidents import record
from argus.store.models import IncidentRow, OutboxRow
from argus.store.outbox import State, same_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

EVERY = 60.0  # seconds between two digests to one target
MOST = 2000  # messages in one of them; the rest comes with the next
SHOWN = 200  # lines; what is cut is counted, and argus incidents has it


def used(session: Session, target: str, seconds: float, now: float) -> tuple[int, int]:
    """Return how many messages a target got one by one within ``seconds``, and how many are being sent."""
    single = (OutboxRow.receiver == target, OutboxRow.digest_id.is_(None))
    sent = select(func.count()).where(*single, OutboxRow.sent_at > now - seconds)
    leased = (OutboxRow.state == State.LEASED.value, OutboxRow.kind != Kind.DIGEST.value)
    flying = select(func.count()).where(*single, *leased)
    return session.scalar(sent) or 0, session.scalar(flying) or 0


def fold(
    session: Session,
    target: str,
    now: float,
    passes: Callable[[OutboxRow], bool] = lambda _message: True,
) -> int:
    """Put all that is due for a target into one message; returns how many; 0 too soon after the last one.

    ``passes`` is asked of each, and says until when one waits that may not leave.
    """
    last = select(func.max(OutboxRow.created_at)).where(
        OutboxRow.receiver == target, OutboxRow.kind == Kind.DIGEST.value
    )
    if now - (session.scalar(last) or 0.0) < EVERY:
        return 0
    waiting = [each for each in session.scalars(_due(target, now)).all() if passes(each)]
    if not waiting:
        return 0
    notes = [Notification.from_payload(each.payload) for each in waiting]
    digest = _write(notes, now)
    first = next(
        each for each in waiting if each.incident_id == digest.incident_id
    )  # the worst: it goes first
    row = OutboxRow(
        incident_id=first.incident_id,
        receiver=target,
        kind=Kind.DIGEST.value,
        state=State.PENDING.value,
        payload=digest.payload(),
        created_at=now,
        next_at=now,
        seq=1 + (session.scalar(_newest(first)) or 0),
    )
    session.add(row)
    session.flush()
    mine = update(OutboxRow).where(OutboxRow.id.in_([each.id for each in waiting]))
    session.execute(mine.values(state=State.FOLDED.value, digest_id=row.id))
    return len(waiting)


def settle(session: Session, digest_id: int, state: State, now: float) -> Sequence[OutboxRow]:
    """Note what became of a digest for all that it carried; returns these.

    What may have been read in a digest that was given up may have been read: its end is told.
    """
    maybe = state is State.DEAD and session.get_one(OutboxRow, digest_id, populate_existing=True).maybe_sent
    carried = session.scalars(select(OutboxRow).where(OutboxRow.digest_id == digest_id)).all()
    for each in carried:
        each.state = state.value
        each.sent_at = now if state is State.SENT else None
        each.maybe_sent = each.maybe_sent or maybe
        row = session.get_one(IncidentRow, each.incident_id)
        what = "mail sent" if state is State.SENT else "mail given up"
        record(session, row, what, f"{each.kind}: {each.receiver}: within digest {digest_id}", now)
    return carried


def _newest(first: OutboxRow) -> Any:
    return select(func.max(OutboxRow.seq)).where(
        OutboxRow.incident_id == first.incident_id,
        OutboxRow.receiver == first.receiver,
        OutboxRow.kind == Kind.DIGEST.value,
    )


def _due(target: str, now: float) -> Any:
    """Select what may be told now and was not begun: what may be out already is sent again as it was."""
    opening, earlier = aliased(OutboxRow), aliased(OutboxRow)
    begun = exists().where(
        earlier.incident_id == OutboxRow.incident_id,
        earlier.receiver == OutboxRow.receiver,
        earlier.kind != Kind.DIGEST.value,
        earlier.id < OutboxRow.id,
        or_(
            earlier.state.in_((State.LEASED.value, State.FOLDED.value)),
            and_(earlier.state == State.PENDING.value, or_(earlier.maybe_sent, earlier.next_at > now)),
        ),
    )
    told = or_(
        OutboxRow.kind == Kind.OPEN.value,
        opening.state == State.SENT.value,
        and_(opening.state == State.DEAD.value, opening.maybe_sent),
    )
    return (
        select(OutboxRow)
        .outerjoin(opening, same_thread(opening))
        .where(
            OutboxRow.receiver == target,
            OutboxRow.state == State.PENDING.value,
            OutboxRow.kind != Kind.DIGEST.value,
            OutboxRow.next_at <= now,
            ~OutboxRow.maybe_sent,
            told,
            ~begun,
        )
        .order_by(OutboxRow.id)
        .limit(MOST)
        .with_for_update(skip_locked=True, of=OutboxRow)
    )


def _write(notes: Sequence[Notification], now: float) -> Notification:
    """Write the digest; the worst comes first.  ``uid`` is its own: two digests are never one message."""
    order = [each.value for each in Severity]
    beginnings = [each for each in notes if each.kind == Kind.OPEN.value]
    worst = max(notes, key=lambda each: order.index(each.severity))
    ranked = sorted(notes, key=lambda each: (each.kind != Kind.OPEN.value, -order.index(each.severity)))
    lines = {
        f"incident {each.incident_id}, {each.head} ({number})": f"{each.subject}: {each.summary}"
        for number, each in enumerate(ranked[:SHOWN], start=1)
    }
    if len(ranked) > SHOWN:
        lines["not shown"] = f"{len(ranked) - SHOWN} more: argus incidents --all"
    return Notification(
        kind=Kind.DIGEST.value,
        incident_id=worst.incident_id,
        uid=uuid.uuid4().hex,
        rule="digest",
        title=f"{len(notes)} messages in one",
        subject=f"{len({each.incident_id for each in notes})} incidents",
        severity=worst.severity,
        summary=f"{len(notes)} messages in one: {len(beginnings)} of new incidents; worst: {worst.summary}",
        evidence=lines,
        reason="more messages than the limit of this receiver lets out one by one",
        runbook="argus incidents lists all that is open. limit: of the receiver in routes.yaml sets how many "
        "messages come one by one.",
        since=min(each.since for each in notes),
        opened_at=now,
        resolved_at=None,
    )
