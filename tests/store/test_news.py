"""News of an incident reach those who know of it, in order, and never after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.notify.base import Kind
from argus.routing.tree import Due
from argus.store import outbox
from argus.store.models import IncidentRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.store.engine import Store

PAGER, MAIL = "pagerduty:oncall", "email:a@example.org"
PAYLOAD: dict[str, Any] = {"summary": "x"}


def incident(session: Session) -> IncidentRow:
    row = IncidentRow(
        rule="r", subject="s", phase="open", severity="HIGH", summary="", evidence={}, since=0, seen_at=0
    )
    session.add(row)
    session.flush()
    dues = (Due(PAGER, 0, 0, "oncall"), Due(MAIL, 0, 0, "team"))
    outbox.enqueue_open(session, row, dues, PAYLOAD, 0)
    return row


def sent(session: Session, now: float) -> list[tuple[str, str, int]]:
    told = []
    while (claim := outbox.claim(session, "me", 10, now)) is not None:
        outbox.settle_sent(session, claim, now)
        told.append((claim.receiver, claim.kind, claim.payload.get("seq", 0)))
    return told


def test_news_go_to_the_kinds_that_hear_them_once_each(store: Store) -> None:
    with store.write() as session:
        row = incident(session)
        sent(session, 1)
        assert outbox.enqueue_news(session, row, Kind.ACK, PAYLOAD, 2, {"pagerduty"}) == 1
        assert outbox.enqueue_news(session, row, Kind.UPDATE, PAYLOAD, 2, {"pagerduty", "email"}) == 2
        outbox.enqueue_news(session, row, Kind.UPDATE, PAYLOAD, 2, {"pagerduty"})
        told = sent(session, 3)
        assert [each for each in told if each[0] == MAIL] == [(MAIL, "update", 1)]
        assert [each for each in told if each[0] == PAGER] == [
            (PAGER, "ack", 1),
            (PAGER, "update", 1),
            (PAGER, "update", 2),
        ]


def test_who_was_not_told_the_beginning_gets_no_news(store: Store) -> None:
    with store.write() as session:
        row = incident(session)
        assert outbox.enqueue_news(session, row, Kind.UPDATE, PAYLOAD, 0, {"pagerduty", "email"}) == 0


def test_the_end_waits_for_news_on_its_way_and_drops_those_that_are_not(store: Store) -> None:
    with store.write() as session:
        row = incident(session)
        sent(session, 1)
        outbox.enqueue_news(session, row, Kind.UPDATE, PAYLOAD, 2, {"pagerduty"})
        on_its_way = outbox.claim(session, "me", 10, 2)
        outbox.enqueue_news(session, row, Kind.UPDATE, PAYLOAD, 2, {"email"})
        outbox.enqueue_resolve(session, row, PAYLOAD, 3)
        assert sent(session, 4) == [(MAIL, "resolve", 0)]
        assert on_its_way is not None
        outbox.settle_sent(session, on_its_way, 5)
        assert sent(session, 6) == [(PAGER, "resolve", 0)]


def test_nobody_hears_the_beginning_twice(store: Store) -> None:
    with store.write() as session:
        row = incident(session)
        outbox.enqueue_open(session, row, (Due(PAGER, 0, 0, "oncall"),), PAYLOAD, 0)
        assert sent(session, 1) == [(PAGER, "open", 0), (MAIL, "open", 0)]
