"""The outbox: a message is written with the decision that it tells, and sent afterwards, once.

States: ``pending`` -> ``leased`` -> ``sent``; back to ``pending`` after an error that may pass; ``dead``
after one that will not, or too many; ``dropped`` when there is nothing left to tell; ``folded`` when another
message, a digest, carries it.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from argus.catalogue.model import Severity
from argus.notify.base import Kind
from argus.store.incidents import record
from argus.store.models import IncidentRow, OutboxRow
from argus.store.silences import PORTION, ends_at, hold, let_go

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from argus.routing.tree import Due
    from argus.store.models import SilenceRow


class State(enum.Enum):
    """Where a message is on its way."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"
    FOLDED = "folded"


ROUNDS = 50  # messages that may not leave, looked at in one go; the next run is seconds away
BEGUN = {State.SENT.value, State.LEASED.value, State.FOLDED.value}
LONGEST_WAIT = 4000.0  # seconds: who waits for longer was told to by a clock that has been set back since
PATIENCE = 120.0  # seconds that a page waits for a receiver that asked to be left alone
URGENT = (Severity.HIGH.value,)
NEWS = (Kind.UPDATE.value, Kind.ACK.value, Kind.REMIND.value)  # between beginning and end


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that we may send until the lease ends, if ``fence`` is still the newest then.

    ``payload`` says under ``at`` when it was first claimed, the same at each attempt.
    """

    id: int
    fence: int
    incident_id: int
    receiver: str
    kind: str
    attempts: int
    payload: dict[str, Any]


def enqueue_open(
    session: Session,
    row: IncidentRow,
    dues: Iterable[Due],
    payload: dict[str, Any],
    now: float,
    silence: SilenceRow | None = None,
    told: set[str] | None = None,
) -> None:
    """Queue the news of an open incident; what a silence matches waits for the end of the silence.

    ``told`` are the targets that have the beginning queued, where the caller knows; new ones are added to it.
    """
    until = 0.0 if silence is None else ends_at(silence, now)
    told = beginnings(session, [row.id])[row.id] if told is None else told
    for due in dues:
        if due.target in told:  # nobody is told of the beginning twice
            continue
        told.add(due.target)
        message = _message(row, due.target, Kind.OPEN, payload, now)
        message.next_at, message.step, message.after = due.at, due.step, due.after
        if silence is not None and until > due.at - due.after:
            hold(session, message, until, silence)
        session.add(message)


def beginnings(session: Session, incidents: Sequence[int]) -> defaultdict[int, set[str]]:
    """Return the targets for which the beginning of each incident was queued, whatever became of it."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for start in range(0, len(incidents), PORTION):
        mine = OutboxRow.incident_id.in_(incidents[start : start + PORTION])
        opens = select(OutboxRow.incident_id, OutboxRow.receiver).where(
            mine, OutboxRow.kind == Kind.OPEN.value
        )
        for number, receiver in session.execute(opens):
            found[number].add(receiver)
    return found


def enqueue_news(
    session: Session,
    row: IncidentRow,
    kind: Kind,
    payload: dict[str, Any],
    now: float,
    kinds: Collection[str],
) -> int:
    """Queue news of an open incident for those whose receiver is of ``kinds`` and who got its beginning.

    Returns how many are told.  Who is still to be told the beginning hears the newest state with that.
    """
    mine = (OutboxRow.incident_id == row.id,)
    newest = select(func.max(OutboxRow.seq)).where(*mine, OutboxRow.kind == kind.value)
    number = (session.scalar(newest) or 0) + 1
    beginnings = select(OutboxRow).where(*mine, OutboxRow.kind == Kind.OPEN.value).order_by(OutboxRow.id)
    openings = session.scalars(beginnings).all()
    told = 0
    for opening in openings:
        begun = opening.state in BEGUN or opening.maybe_sent
        if begun and opening.state != State.DEAD.value and opening.receiver.partition(":")[0] in kinds:
            message = _message(row, opening.receiver, kind, {**payload, "seq": number}, now)
            message.seq = number
            session.add(message)
            told += 1
    return told


def enqueue_reminder(
    session: Session, row: IncidentRow, target: str, payload: dict[str, Any], now: float
) -> None:
    """Queue one more message for one who was told of the beginning."""
    mine = (OutboxRow.incident_id == row.id, OutboxRow.kind == Kind.REMIND.value)
    number = (session.scalar(select(func.max(OutboxRow.seq)).where(*mine)) or 0) + 1
    message = _message(row, target, Kind.REMIND, {**payload, "seq": number}, now)
    message.seq = number
    session.add(message)
    session.flush()


def newest(session: Session, incidents: Sequence[int]) -> defaultdict[int, dict[str, float]]:
    """Return, by incident, when each target last heard of it.

    Without those for whom a message is on its way.
    """
    waits = {State.PENDING.value, State.LEASED.value, State.FOLDED.value}
    found: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for start in range(0, len(incidents), PORTION):
        mine = OutboxRow.incident_id.in_(incidents[start : start + PORTION])
        by = (OutboxRow.incident_id, OutboxRow.receiver)
        is_waiting = func.max(case((OutboxRow.state.in_(waits), 1), else_=0))
        heard = func.max(case((OutboxRow.state == State.SENT.value, OutboxRow.sent_at), else_=None))
        about = select(*by, heard, is_waiting).where(mine, OutboxRow.kind != Kind.DIGEST.value).group_by(*by)
        for number, target, at, on_its_way in session.execute(about):
            if at is not None and not on_its_way:
                found[number][target] = at
    return found


def stuck(
    session: Session,
    bad: Collection[str],
    resting: Collection[str],
    now: float,
    paused: Collection[str] = (),
) -> Sequence[OutboxRow]:
    """Return the news of beginnings that do not get through: tried in vain, or waiting for one that rests.

    One that is ``paused`` asked for some time, which is not waited for beyond ``PATIENCE``.
    """
    failing: ColumnElement[bool] = OutboxRow.receiver.in_(bad)
    if "email" in bad:  # the server of all addresses
        failing = or_(failing, OutboxRow.receiver.startswith("email:"))
    waits: ColumnElement[bool] = OutboxRow.receiver.in_(resting)
    if "email" in resting:
        waits = or_(waits, OutboxRow.receiver.startswith("email:"))
    waits = and_(waits, OutboxRow.next_at <= now)
    waiting = (OutboxRow.kind == Kind.OPEN.value, OutboxRow.state == State.PENDING.value)
    row = select(OutboxRow).where(*waiting, or_(and_(OutboxRow.attempts > 0, failing), waits))
    found = list(session.scalars(row.order_by(OutboxRow.id)))
    if paused:
        held = select(OutboxRow).where(*waiting, OutboxRow.receiver.in_(paused)).order_by(OutboxRow.id)
        due = ((each, each.payload.get("at") or each.next_at) for each in session.scalars(held))
        found += [each for each, since in due if now - since >= PATIENCE and each not in found]
    return found


def drop_steps(session: Session, row: IncidentRow) -> int:
    """Take back the escalation of an incident that somebody looks after; returns how many messages."""
    waiting = update(OutboxRow).where(
        OutboxRow.incident_id == row.id,
        OutboxRow.step > 0,
        OutboxRow.state == State.PENDING.value,
        ~OutboxRow.maybe_sent,
    )
    dropped = session.scalars(waiting.values(state=State.DROPPED.value).returning(OutboxRow.id))
    return len(dropped.all())


def take_up(session: Session, row: IncidentRow, now: float, *, anew: bool) -> int:
    """Queue again what an acknowledgement took back or held; returns how many messages wait.

    ``anew``: the clock of escalation begins now; else it goes on as if nobody had acknowledged.
    """
    opens = (OutboxRow.incident_id == row.id, OutboxRow.kind == Kind.OPEN.value)
    taken = (OutboxRow.state == State.DROPPED.value, OutboxRow.step > 0, ~OutboxRow.maybe_sent)
    values: dict[str, Any] = {"state": State.PENDING.value, "error": ""}
    session.execute(update(OutboxRow).where(*opens, *taken).values(values))
    session.expire_all()
    let_go(session, and_(*opens, OutboxRow.attempts == 0), now)
    waiting = session.scalars(
        select(OutboxRow).where(*opens, OutboxRow.state == State.PENDING.value, OutboxRow.attempts == 0)
    ).all()
    for message in waiting if anew else ():
        message.next_at = now + message.after
    return len(waiting)


def silenced(row: IncidentRow) -> ColumnElement[bool]:
    """Match the beginnings of an incident that a silence holds and nobody has tried to send."""
    return and_(
        OutboxRow.incident_id == row.id,
        OutboxRow.kind == Kind.OPEN.value,
        OutboxRow.silence_id.is_not(None),
        OutboxRow.attempts == 0,
    )


def renew(session: Session, row: IncidentRow, payload: dict[str, Any]) -> None:
    """Put the newest state into beginnings that nobody has tried to send yet."""
    untried = update(OutboxRow).where(
        OutboxRow.incident_id == row.id,
        OutboxRow.kind == Kind.OPEN.value,
        OutboxRow.state.in_((State.PENDING.value, State.DROPPED.value)),
        OutboxRow.attempts == 0,
    )
    session.execute(untried.values(payload=payload))


def enqueue_resolve(session: Session, row: IncidentRow, payload: dict[str, Any], now: float) -> None:
    """Queue the end for exactly those who get, or got, or may have got, the beginning.

    Who cannot have seen the beginning yet gets neither: there is nothing to do any more.
    """
    mine = select(OutboxRow).where(OutboxRow.incident_id == row.id)
    for news in session.scalars(mine.where(OutboxRow.kind.in_(NEWS))):
        _drop_unsent(session, news.id)  # the end says it all
    openings = session.scalars(mine.where(OutboxRow.kind == Kind.OPEN.value)).all()
    for opening in openings:
        if _drop_unsent(session, opening.id):
            why = f"{opening.receiver}: over before the mail could go out; neither mail is sent"
            record(session, row, "mail dropped", why, now)
        elif opening.state != State.DROPPED.value and (
            opening.state != State.DEAD.value or opening.maybe_sent
        ):
            session.add(_message(row, opening.receiver, Kind.RESOLVE, payload, now))


def _message(row: IncidentRow, receiver: str, kind: Kind, payload: dict[str, Any], now: float) -> OutboxRow:
    return OutboxRow(
        incident_id=row.id,
        receiver=receiver,
        kind=kind.value,
        state=State.PENDING.value,
        payload=payload,
        created_at=now,
        next_at=now,
    )


def _drop_unsent(session: Session, message_id: int) -> bool:
    """Take a message back unless it is, or may have been, sent."""
    unsent = (OutboxRow.id == message_id, OutboxRow.state == State.PENDING.value, ~OutboxRow.maybe_sent)
    drop = update(OutboxRow).where(*unsent).values(state=State.DROPPED.value)
    return session.scalar(drop.returning(OutboxRow.id)) is not None


def drop_orphans(session: Session, now: float) -> int:
    """Drop each ``resolve`` whose ``open`` never went out and never will; returns how many."""
    opening = aliased(OutboxRow)
    over = or_(
        opening.state == State.DROPPED.value,
        and_(opening.state == State.DEAD.value, ~opening.maybe_sent),
        # its beginning failed and is to be tried again: that is void only with the end
        and_(
            opening.state == State.PENDING.value,
            ~opening.maybe_sent,
            OutboxRow.kind == Kind.RESOLVE.value,
        ),
    )
    pairs = session.execute(
        select(OutboxRow, opening)
        .join(opening, same_thread(opening))
        .where(
            OutboxRow.kind.not_in((Kind.OPEN.value, Kind.DIGEST.value)),
            OutboxRow.state == State.PENDING.value,
            over,
        )
    ).all()
    dropped = 0
    for resolve, first in pairs:
        if first.state == State.PENDING.value and not _drop_unsent(session, first.id):
            continue  # taken up by a sender in this moment
        resolve.state = State.DROPPED.value
        row = session.get_one(IncidentRow, resolve.incident_id)
        why = f"{resolve.receiver}: the mail on opening never went out, so none on resolving either"
        record(session, row, "mail dropped", why, now)
        dropped += 1
    return dropped


def claim(
    session: Session,
    owner: str,
    seconds: float,
    now: float,
    resting: Collection[str] = (),
    spent: Collection[str] = (),
    *,
    shared: float | None = None,
    reserved: Collection[str] = (),
    mine: Collection[int] = (),
    passes: Callable[[OutboxRow], bool] = lambda _message: True,
) -> Claim | None:
    """Lease the most urgent message that is due, or whose sender let its lease run out; ``None`` when idle.

    Of equally severe incidents the oldest message comes first.  Leases end by ``shared``, the time that all
    senders have in common; without it, by ``now``.

    Nothing is due before the ``open`` of its incident was accepted by the same receiver (or given up, when it
    may have been), nor while an earlier
    message of the incident to it is on its way.  Receivers that are ``resting`` are left out (``email``: all
    addresses); those whose limit is ``spent`` get digests, and again what they may have got already; what is
    ``reserved`` of a limit is for urgent incidents.  What the caller itself is sending (``mine``) it does not
    get again, though its lease ran out while the host slept.  ``passes`` is asked last; of what may not leave
    it says until when that waits.
    """
    leased_at = now if shared is None else shared
    for _ in range(ROUNDS):
        candidate = _first_due(session, now, leased_at, resting, spent, reserved, mine)
        if candidate is None or passes(candidate):
            break
        session.flush()
    else:
        candidate = None
    if candidate is None:
        return None
    claimed = Claim(
        candidate.id,
        candidate.fence + 1,
        candidate.incident_id,
        candidate.receiver,
        candidate.kind,
        candidate.attempts + 1,
        {**candidate.payload, "at": now} if candidate.payload.get("at") == 0 else candidate.payload,
    )
    values = {
        "state": State.LEASED.value,
        "owner": owner,
        "fence": claimed.fence,
        "lease_until": leased_at + seconds,
        "attempts": claimed.attempts,
        "payload": claimed.payload,
        # a lease that ran out belonged to a sender that died or hung: nobody knows how far it came
        "maybe_sent": candidate.maybe_sent or candidate.state == State.LEASED.value,
    }
    taken = update(OutboxRow).where(OutboxRow.id == claimed.id, OutboxRow.fence == claimed.fence - 1)
    won = session.scalar(taken.values(values).returning(OutboxRow.id))
    return None if won is None else claimed


def extend(session: Session, claims: Iterable[Claim], until: float) -> None:
    """Keep the leases of what is still being sent; of one that was lost nothing changes."""
    for each in claims:
        mine = (OutboxRow.id == each.id, OutboxRow.fence == each.fence)
        still = update(OutboxRow).where(*mine, OutboxRow.state == State.LEASED.value)
        session.execute(still.values(lease_until=until))


def flying(session: Session, shared: float) -> dict[str, int]:
    """Count what is being sent now, by receiver and by anybody; ``shared`` as in ``claim``."""
    leased = (OutboxRow.state == State.LEASED.value, OutboxRow.lease_until > shared)
    counted = select(OutboxRow.receiver, func.count()).where(*leased).group_by(OutboxRow.receiver)
    return {row[0]: row[1] for row in session.execute(counted)}


def _first_due(
    session: Session,
    now: float,
    leased_at: float,
    resting: Collection[str],
    spent: Collection[str],
    reserved: Collection[str],
    mine: Collection[int],
) -> OutboxRow | None:
    """Lock and return the row that ``claim`` may lease, passing over those that another sender has locked."""
    opening = aliased(OutboxRow)
    retried = (OutboxRow.attempts > 0, OutboxRow.silence_id.is_(None), OutboxRow.next_at > now + LONGEST_WAIT)
    due = or_(
        and_(OutboxRow.state == State.PENDING.value, or_(OutboxRow.next_at <= now, and_(*retried))),
        and_(
            OutboxRow.state == State.LEASED.value,
            or_(OutboxRow.lease_until <= leased_at, OutboxRow.lease_until > leased_at + LONGEST_WAIT),
        ),
    )
    told = or_(
        OutboxRow.kind.in_((Kind.OPEN.value, Kind.DIGEST.value)),
        opening.state == State.SENT.value,
        and_(opening.state == State.DEAD.value, opening.maybe_sent),
    )
    within = or_(
        OutboxRow.receiver.not_in(spent),
        OutboxRow.kind == Kind.DIGEST.value,
        OutboxRow.maybe_sent,
        OutboxRow.state == State.LEASED.value,
    )
    rank = case({each.value: number for number, each in enumerate(Severity)}, value=IncidentRow.severity)
    for_this = or_(OutboxRow.receiver.not_in(reserved), IncidentRow.severity.in_(URGENT))
    awake: ColumnElement[bool] = OutboxRow.receiver.not_in(resting)
    if "email" in resting:  # the server of all addresses
        awake = and_(awake, ~OutboxRow.receiver.startswith("email:"))
    earlier = aliased(OutboxRow)
    on_its_way = exists().where(
        earlier.incident_id == OutboxRow.incident_id,
        earlier.receiver == OutboxRow.receiver,
        earlier.id < OutboxRow.id,
        OutboxRow.kind != Kind.DIGEST.value,
        earlier.kind != Kind.DIGEST.value,
        earlier.state.in_((State.PENDING.value, State.LEASED.value)),
    )
    return session.scalars(
        select(OutboxRow)
        .join(IncidentRow, IncidentRow.id == OutboxRow.incident_id)
        .outerjoin(opening, same_thread(opening))
        .where(due, told, within, for_this, ~on_its_way, awake, OutboxRow.id.not_in(mine))
        .order_by(rank.desc(), OutboxRow.next_at, OutboxRow.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=OutboxRow)
    ).first()


def settle_sent(session: Session, claimed: Claim, now: float) -> bool:
    """Note that the message was accepted; false when the lease was lost meanwhile."""
    return _settle(
        session, claimed, now, "mail sent", claimed.receiver, state=State.SENT, sent_at=now, error=""
    )


def settle_retry(
    session: Session,
    claimed: Claim,
    error: str,
    *,
    maybe: bool,
    wait: float,
    now: float,
    counts: bool = True,
) -> bool:
    """Note a failure that may pass, and try again after ``wait`` seconds; ``counts``: as an attempt."""
    values: dict[str, Any] = {"maybe_sent": True} if maybe else {}
    if not counts:
        values["attempts"] = claimed.attempts - 1
    detail = f"{claimed.receiver}: {error}; attempt {claimed.attempts}, next in {wait:.0f} s"
    what = "mail delayed"
    return _settle(
        session, claimed, now, what, detail, state=State.PENDING, next_at=now + wait, error=error, **values
    )


def settle_dead(session: Session, claimed: Claim, error: str, now: float, *, maybe: bool = False) -> bool:
    """Give up on the message; ``maybe``: the last attempt may have got through."""
    values: dict[str, Any] = {"maybe_sent": True} if maybe else {}
    detail = f"{claimed.receiver}: {error}; given up after {claimed.attempts} attempts"
    return _settle(session, claimed, now, "mail given up", detail, state=State.DEAD, error=error, **values)


def settle_dropped(session: Session, claimed: Claim, why: str, now: float) -> bool:
    """Note that there is nobody to tell any more."""
    detail = f"{claimed.receiver}: {why}"
    return _settle(session, claimed, now, "mail dropped", detail, state=State.DROPPED, error=why)


def _settle(
    session: Session, claimed: Claim, now: float, what: str, detail: str, *, state: State, **values: Any
) -> bool:
    mine = update(OutboxRow).where(OutboxRow.id == claimed.id, OutboxRow.fence == claimed.fence)
    settled = session.scalar(mine.values(state=state.value, **values).returning(OutboxRow.id))
    if settled is None:
        return False
    record(session, session.get_one(IncidentRow, claimed.incident_id), what, f"{claimed.kind}: {detail}", now)
    return True


def same_thread(opening: type[OutboxRow]) -> ColumnElement[bool]:
    """Match the ``open`` message that another one answers."""
    return and_(
        opening.incident_id == OutboxRow.incident_id,
        opening.receiver == OutboxRow.receiver,
        opening.kind == Kind.OPEN.value,
        OutboxRow.kind != Kind.OPEN.value,
    )
