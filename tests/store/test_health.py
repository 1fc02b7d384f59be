"""What is known of receivers: failing, resting, asking for time, or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.store import health

if TYPE_CHECKING:
    from argus.store.engine import Store

OPS = "webhook:ops"


def fail(store: Store, times: int) -> None:
    with store.write() as session:
        for _ in range(times):
            health.failed(session, OPS, "500", 100)


def test_a_good_probe_ends_the_rest_of_one_that_failed(store: Store) -> None:
    fail(store, health.TRIPS_AFTER)
    with store.write() as session:
        assert health.resting(session, 101) == [OPS]
        health.probed(session, OPS, "", 101)
        assert health.resting(session, 101) == []


def test_a_probe_does_not_end_a_pause_that_was_asked_for(store: Store) -> None:
    with store.write() as session:
        health.paused(session, OPS, 130)
        health.probed(session, OPS, "", 101)
        assert health.resting(session, 101) == [OPS]
        assert health.failing(session) == {}
        health.paused(session, OPS, 120)
        assert health.resting(session, 125) == [OPS], "the longest pause counts"
        assert health.resting(session, 130) == []
        health.paused(session, OPS, 86400)
        assert health.resting(session, 200) == [], "by a clock that was a day ahead"


def test_a_success_of_one_receiver_ends_the_rest_of_the_server(store: Store) -> None:
    fail(store, health.TRIPS_AFTER)
    with store.write() as session:
        health.answers(session, OPS)
        health.answers(session, "unknown")
        assert health.failing(session) == {}
        assert health.resting(session, 101) == []
        assert [row.target for row in health.all_of(session)] == [OPS]


def test_what_is_no_longer_set_up_is_forgotten(store: Store) -> None:
    fail(store, 1)
    with store.write() as session:
        assert health.forget(session, {OPS, "email"}) == 0
        assert health.forget(session, {"email"}) == 1
        assert health.all_of(session) == []
