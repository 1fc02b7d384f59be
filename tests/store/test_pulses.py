"""A server that lives shows by what changes; one that is dead, by what stands still while somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus.store import pulses, snapshots

if TYPE_CHECKING:
    from argus.store.engine import Store
    from argus.store.pulses import Pulse

LIMIT = 45.0
BEGIN = 1_700_000_000.0


def look(store: Store, at: float, beat: float | None) -> Pulse | None:
    with store.write() as session:
        return pulses.follow(session, beat, LIMIT, BEGIN + at)


def alive(store: Store, until: float, begin: float = 0.0) -> None:
    for at in range(int(begin), int(until) + 1, 15):
        look(store, at, beat=at)


def test_a_server_that_lives_has_been_awake_since_it_was_first_seen(store: Store) -> None:
    alive(store, 600)
    found = look(store, 610, 610)
    assert found is not None
    assert (found.awake_since, found.lost) == (BEGIN, False)


def test_a_beat_that_stands_still_is_a_server_that_is_lost_since_then(store: Store) -> None:
    alive(store, 600)
    for at, lost in ((615, False), (645, False), (646, True), (900, True)):
        found = look(store, at, 600)
        assert found is not None
        assert (found.lost, found.seen_at) == (lost, BEGIN + 600)
    back = look(store, 1200, 1199)
    assert back is not None
    assert (back.lost, back.awake_since) == (False, BEGIN + 1200)


def test_a_clock_of_the_server_that_is_apart_does_no_harm(store: Store) -> None:
    for at in range(0, 600, 15):
        found = look(store, at, beat=at - 86400)
        assert found is not None
        assert not found.lost


def test_what_could_not_be_read_is_a_gap_too(store: Store) -> None:
    alive(store, 600)
    gone = look(store, 615, None)
    assert gone is not None
    assert (gone.lost, gone.seen_at) == (True, BEGIN + 600)
    back = look(store, 630, 630)
    assert back is not None
    assert back.awake_since == BEGIN + 630


def test_before_the_first_beat_nothing_is_known(store: Store) -> None:
    assert look(store, 0, None) is None


def test_nobody_having_looked_is_a_gap(store: Store) -> None:
    alive(store, 600)
    back = look(store, 1000, 1000)
    assert back is not None
    assert back.awake_since == BEGIN + 1000, "the correlator or its database was away"


def test_who_always_looks_slowly_does_not_see_a_gap_each_time(store: Store) -> None:
    found = [look(store, at, beat=at) for at in range(0, 3600, 91)]
    gaps = {each.awake_since for each in found if each}
    assert len(gaps) <= 3600 / (pulses.SELDOM * LIMIT) + 1


@pytest.mark.parametrize("jump", [-86400, -7])
def test_a_clock_that_was_set_back_does_not_hide_a_server_that_dies(store: Store, jump: float) -> None:
    alive(store, 600)
    look(store, 600 + jump, 600)
    for at in (10, 46, 60):
        found = look(store, 600 + jump + at, 600)
    assert found is not None
    assert found.lost


def test_what_another_version_has_written_is_as_if_nobody_had_looked(store: Store) -> None:
    with store.write() as session:
        snapshots.put(session, pulses.SOURCE, {"beat": "?"}, BEGIN)
    found = look(store, 5, 1)
    assert found is not None
    assert found.awake_since == BEGIN + 5
