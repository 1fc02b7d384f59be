"""Messages go out once, in order, and are given up only with a word about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from argus.notify.base import Kind
from argus.routing.tree import Due
from argus.store import outbox, reports
from argus.store.engine import StoreError
from argus.store.models import IncidentRow, OutboxRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.store.engine import Store
    from argus.store.outbox import Claim

OPS = "email:ops@example.org"


def incident(store: Store, rule: str = "r", phase: str = "open") -> int:
    with store.write() as session:
        row = IncidentRow(
            rule=rule,
            subject="n",
            phase=phase,
            severity="HIGH",
            summary="",
            evidence={},
            since=0,
            seen_at=0,
            held="",
        )
        session.add(row)
        session.flush()
        return row.id


def opened(store: Store, *receivers: str) -> int:
    number = incident(store)
    with store.write() as session:
        row = session.get_one(IncidentRow, number)
        dues = [Due(receiver, 0, 0, "ops") for receiver in receivers or (OPS,)]
        outbox.enqueue_open(session, row, dues, {"n": 1}, now=0)
    return number


def resolve(store: Store, number: int, now: float = 10) -> None:
    with store.write() as session:
        outbox.enqueue_resolve(session, session.get_one(IncidentRow, number), {"n": 2}, now=now)


def claim(store: Store, now: float, owner: str = "me") -> Claim | None:
    with store.write() as session:
        outbox.drop_orphans(session, now)
        return outbox.claim(session, owner, 60, now)


def claimed(store: Store, now: float) -> Claim:
    found = claim(store, now)
    assert found
    return found


def sent(store: Store, each: Claim, now: float) -> bool:
    with store.write() as session:
        return outbox.settle_sent(session, each, now)


def retry(store: Store, each: Claim, *, maybe: bool = False, wait: float = 5, now: float = 1) -> None:
    with store.write() as session:
        outbox.settle_retry(session, each, "no", maybe=maybe, wait=wait, now=now)


def states(store: Store) -> dict[str, str]:
    with store.read() as session:
        return {row.kind: row.state for row in session.scalars(select(OutboxRow))}


def log(store: Store, number: int) -> list[str]:
    with store.read() as session:
        return [row.what for row in reports.decisions(session, number)]


def test_only_one_active_incident_of_a_rule_and_subject_can_be_stored(store: Store) -> None:
    incident(store)
    with pytest.raises(StoreError) as caught:
        incident(store, phase="pending")
    assert isinstance(caught.value.__cause__, IntegrityError)
    incident(store, rule="another")
    incident(store, phase="resolved")


def test_a_message_is_claimed_once(store: Store) -> None:
    opened(store)
    assert claim(store, 0)
    assert claim(store, 1) is None


def test_of_many_senders_each_message_has_one(store: Store) -> None:
    opened(store, *(f"email:{number}@example.org" for number in range(12)))

    def take(_: int) -> list[int]:
        taken = []
        while found := claim(store, 0):
            taken.append(found.id)
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [number for each in pool.map(take, range(6)) for number in each]
    assert len(taken) == len(set(taken)) == 12


def test_a_resolve_waits_until_the_open_was_accepted(store: Store) -> None:
    number = opened(store)
    first = claimed(store, 0)
    resolve(store, number)
    assert claim(store, 11) is None
    assert sent(store, first, 12)
    second = claimed(store, 12)
    assert (first.kind, second.kind) == ("open", "resolve")
    assert sent(store, second, 13)
    assert states(store) == {"open": "sent", "resolve": "sent"}


def test_what_was_over_before_it_was_told_is_not_told(store: Store) -> None:
    number = opened(store)
    resolve(store, number)
    assert claim(store, 100) is None
    assert states(store) == {"open": "dropped"}
    assert log(store, number) == ["mail dropped"]


def test_an_open_that_fails_after_the_end_drops_both(store: Store) -> None:
    number = opened(store)
    first = claimed(store, 0)
    resolve(store, number)
    retry(store, first)
    assert claim(store, 100) is None
    assert states(store) == {"open": "dropped", "resolve": "dropped"}
    assert log(store, number) == ["mail delayed", "mail dropped"]


def test_an_open_that_may_have_arrived_is_sent_again_and_then_resolved(store: Store) -> None:
    number = opened(store)
    retry(store, claimed(store, 0), maybe=True)
    resolve(store, number)
    again = claimed(store, 100)
    assert (again.kind, again.payload) == ("open", {"n": 1})
    assert sent(store, again, 101)
    assert claimed(store, 102).kind == "resolve"


def test_a_sender_that_died_is_replaced_and_cannot_settle_any_more(store: Store) -> None:
    number = opened(store)
    dead = claimed(store, 0)
    assert claim(store, 59) is None
    second = claimed(store, 60)
    assert second.attempts == 2
    assert not sent(store, dead, 61)
    resolve(store, number)  # the dead one may have sent it, so there is an end to tell
    assert sent(store, second, 62)
    assert claimed(store, 63).kind == "resolve"


def test_a_message_whose_first_sender_died_may_have_arrived_whatever_the_next_one_met(store: Store) -> None:
    number = opened(store)
    claimed(store, 0)
    retry(store, claimed(store, 60))
    resolve(store, number)
    assert states(store) == {"open": "pending", "resolve": "pending"}


def test_a_failed_message_waits_its_turn(store: Store) -> None:
    opened(store)
    retry(store, claimed(store, 0), wait=30, now=1)
    assert claim(store, 30) is None
    assert claimed(store, 31).attempts == 2


def test_a_dead_open_is_never_resolved_and_both_are_accounted_for(store: Store) -> None:
    number = opened(store)
    with store.write() as session:
        first = outbox.claim(session, "me", 60, 0)
        assert first
        outbox.settle_dead(session, first, "550 no such user", 1)
    resolve(store, number)
    assert claim(store, 100) is None
    assert states(store) == {"open": "dead"}
    assert log(store, number) == ["mail given up"]


def test_whoever_may_have_taken_a_beginning_that_was_given_up_hears_the_end(store: Store) -> None:
    number = opened(store)
    retry(store, claimed(store, 0), maybe=True)
    with store.write() as session:
        last = outbox.claim(session, "me", 60, 100)
        assert last
        outbox.settle_dead(session, last, "no answer, five times", 101)
    resolve(store, number, 200)
    assert claimed(store, 200).kind == "resolve"


def test_the_end_goes_to_those_who_were_told_though_receivers_changed(store: Store) -> None:
    number = opened(store, "email:old@example.org", "email:both@example.org")
    for _ in range(2):
        assert sent(store, claimed(store, 0), 1)
    resolve(store, number)
    assert {claimed(store, 20).receiver, claimed(store, 20).receiver} == {
        "email:old@example.org",
        "email:both@example.org",
    }


def test_of_equal_incidents_what_was_due_first_goes_first_whatever_was_written_first(store: Store) -> None:
    for rule, due in (("first", 50.0), ("second", 0.0), ("third", 20.0)):
        number = incident(store, rule)
        with store.write() as session:
            row = session.get_one(IncidentRow, number)
            outbox.enqueue_open(session, row, [Due(f"email:{rule}@b", due, 0, "ops")], {"n": 1}, now=0)
    found = [claimed(store, 100).receiver for _ in range(3)]
    assert found == ["email:second@b", "email:third@b", "email:first@b"]


def test_an_escalation_that_may_have_arrived_is_not_taken_back(store: Store) -> None:
    number = incident(store)
    with store.write() as session:
        row = session.get_one(IncidentRow, number)
        dues = [Due("email:a@b", 0, 1, "boss"), Due("email:c@d", 0, 1, "boss")]
        outbox.enqueue_open(session, row, dues, {"n": 1}, now=0)
    first = claimed(store, 0)
    retry(store, first, maybe=True)
    with store.write() as session:
        assert outbox.drop_steps(session, session.get_one(IncidentRow, number)) == 1
    assert claimed(store, 100).receiver == first.receiver


def test_who_was_given_up_hears_no_news(store: Store) -> None:
    number = opened(store, "webhook:a", "webhook:b", "webhook:c")
    with store.write() as session:
        for maybe in (False, True):
            each = outbox.claim(session, "me", 60, 0)
            assert each
            outbox.settle_dead(session, each, "404", 1, maybe=maybe)
        assert outbox.settle_sent(session, claimed_in(session), 1)
        row = session.get_one(IncidentRow, number)
        assert outbox.enqueue_news(session, row, Kind.ACK, {}, 2, {"webhook"}) == 1
        outbox.enqueue_resolve(session, row, {"n": 2}, now=3)
        ends = session.scalars(select(OutboxRow.receiver).where(OutboxRow.kind == "resolve")).all()
    assert sorted(ends) == ["webhook:b", "webhook:c"], "the last attempt may have got through"


def claimed_in(session: Session) -> Claim:
    found = outbox.claim(session, "me", 60, 0)
    assert found
    return found


@pytest.mark.slow
def test_the_time_of_the_first_attempt_is_kept_through_retries(store: Store) -> None:
    number = incident(store)
    with store.write() as session:
        row = session.get_one(IncidentRow, number)
        outbox.enqueue_open(session, row, [Due(OPS, 0, 0, "ops")], {"at": 0.0}, now=0)
    first = claimed(store, 100)
    retry(store, first, now=100)
    assert first.payload == claimed(store, 200).payload == {"at": 100}


def test_a_lease_ends_by_the_clock_that_all_share(store: Store) -> None:
    opened(store)
    with store.write() as session:
        assert outbox.claim(session, "me", 60, 1000, shared=5)
        assert outbox.claim(session, "ahead", 60, 9000, shared=64) is None
        assert outbox.flying(session, 64) == {OPS: 1}
        assert outbox.flying(session, 66) == {}
        assert outbox.claim(session, "behind", 60, 0, shared=65)


def test_an_extended_lease_lasts_longer_and_a_lost_one_stays_lost(store: Store) -> None:
    opened(store)
    first = claimed(store, 0)
    with store.write() as session:
        outbox.extend(session, [first], 100)
    assert claim(store, 99) is None
    second = claimed(store, 100)
    with store.write() as session:
        outbox.extend(session, [first], 1000)
    assert second.fence > first.fence
    assert claim(store, 160), "what the late one wished changed nothing"


def test_a_clock_that_was_ahead_for_a_moment_holds_no_retry_and_no_lease(store: Store) -> None:
    opened(store)
    ahead = claimed(store, 86400)
    again = claimed(store, 100)
    assert again.fence == ahead.fence + 1
    retry(store, again, wait=30, now=86400)
    assert claimed(store, 200).fence == again.fence + 1
