"""Only one holds a lease, and who lost it writes nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from argus.store import leases
from argus.store.leases import LeaseLostError
from argus.store.models import ProgressRow

if TYPE_CHECKING:
    from argus.store.engine import Store
    from argus.store.leases import Lease


def test_a_lease_that_is_held_is_refused_until_it_ends(store: Store) -> None:
    assert leases.acquire(store, "x", "one", 60, now=1000)
    assert leases.acquire(store, "x", "two", 60, now=1059) is None
    assert leases.acquire(store, "x", "two", 60, now=1060)


def test_two_threads_of_one_process_do_not_rob_each_other(store: Store) -> None:
    assert leases.acquire(store, "x", "one", 60, now=1000)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(leases.acquire, store, "x", "one", 60, now=1001).result() is None
    assert leases.acquire(store, "x", "one", 60, now=1002), "its own, that it did not give back"


def test_a_lease_that_was_given_back_is_free(store: Store) -> None:
    lease = leases.acquire(store, "x", "one", 60, now=1000)
    assert lease
    leases.release(store, lease)
    assert leases.acquire(store, "x", "two", 60, now=1001)


def test_what_was_decided_under_a_lost_lease_is_not_written(store: Store) -> None:
    late = leases.acquire(store, "x", "one", 60, now=1000)
    assert late
    assert leases.acquire(store, "x", "two", 60, now=1100)
    with pytest.raises(LeaseLostError):
        write_under(store, late)
    with store.read() as session:
        assert session.get(ProgressRow, "late") is None


def write_under(store: Store, lease: Lease) -> None:
    with store.write() as session:
        session.add(ProgressRow(task="late", last_run=0, runs=0, failures=0))
        leases.finish(session, lease)


def test_a_lost_lease_can_neither_be_extended_nor_freed(store: Store) -> None:
    late = leases.acquire(store, "x", "one", 60, now=1000)
    assert late
    assert leases.acquire(store, "x", "two", 60, now=1100)
    with pytest.raises(LeaseLostError):
        leases.extend(store, late, 60, now=1101)
    leases.release(store, late)
    assert leases.acquire(store, "x", "three", 60, now=1102) is None


def test_an_extended_lease_lasts_longer(store: Store) -> None:
    lease = leases.acquire(store, "x", "one", 60, now=1000)
    assert lease
    leases.extend(store, lease, 60, now=1050)
    assert leases.acquire(store, "x", "two", 60, now=1100) is None


def test_of_many_that_race_exactly_one_wins(store: Store) -> None:
    def race(number: int) -> bool:
        return leases.acquire(store, "x", f"owner {number}", 60, now=1000) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(24))) == 1


def test_a_lease_of_a_clock_that_was_ahead_holds_nobody_up(store: Store) -> None:
    assert leases.acquire(store, "x", "one", 60, now=1000 + 86400)
    assert leases.acquire(store, "x", "two", 60, now=1000)
    assert leases.acquire(store, "x", "three", 60, now=1000 - 100) is None, "clocks may be a little apart"


def taken(store: Store, after: float) -> Lease | None:
    time.sleep(after)
    return leases.acquire(store, "x", "another", 60, time.time())


@pytest.mark.slow
def test_a_lease_is_kept_however_long_a_step_takes(store: Store) -> None:
    lease = leases.acquire(store, "x", "one", 0.4, time.time())
    assert lease
    with leases.kept(store, lease, 0.4, time.time, longest=60) as alive, ThreadPoolExecutor(1) as other:
        assert other.submit(taken, store, 1.2).result() is None
        alive()
    assert taken(store, 0.6), "and no longer than the work"


@pytest.mark.slow
def test_a_step_that_hangs_leaves_its_lease_to_others(store: Store) -> None:
    lease = leases.acquire(store, "x", "one", 0.4, time.time())
    assert lease
    with leases.kept(store, lease, 0.4, time.time, longest=0.3) as alive, ThreadPoolExecutor(1) as other:
        assert other.submit(taken, store, 1.5).result()
        with pytest.raises(LeaseLostError):
            alive()
