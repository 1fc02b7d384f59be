"""Counters from one tick to the next."""

from __future__ import annotations

from pathlib import Path

from argus_agent.cycle import GAP_SECONDS, MAX_MISSING, Cycle, Deltas
from argus_agent.host import Host


def tick(seconds: float, *, for_events: bool = False) -> Cycle:
    host = Host("node-1", Path("/proc"), monotonic=lambda: seconds)
    return Cycle(host, 1e9 + seconds, for_events=for_events)


def grown(
    deltas: Deltas, seconds: float, value: float | None, *, for_events: bool = False
) -> tuple[float, float] | None:
    """By how much the counter grew, and in how many seconds."""
    deltas.turn(tick(seconds, for_events=for_events))
    found = deltas.grown("a", value)
    return None if found is None else (found.by, found.seconds)


def test_a_counter_grows_from_one_tick_to_the_next() -> None:
    deltas = Deltas()
    assert grown(deltas, 0, 1.0) is None
    assert grown(deltas, 15, 3.0) == (2, 15)
    assert grown(deltas, 30, 3.0) == (0, 15)


def test_a_cycle_for_events_neither_tells_growth_nor_takes_it_from_the_tick() -> None:
    deltas = Deltas()
    grown(deltas, 0, 1.0)
    assert grown(deltas, 14, 2.5, for_events=True) is None
    assert grown(deltas, 15, 3.0) == (2, 15)


def test_growth_covers_ticks_in_which_the_counter_was_not_read() -> None:
    deltas = Deltas()
    grown(deltas, 0, 1.0)
    assert grown(deltas, 15, None) is None
    deltas.turn(tick(30))
    assert grown(deltas, 45, 10.0) == (9, 45)


def test_a_counter_that_was_long_not_read_is_forgotten() -> None:
    deltas = Deltas()
    grown(deltas, 0, 1.0)
    deltas.turn(tick(GAP_SECONDS))
    assert grown(deltas, GAP_SECONDS + 61, 2.0) is None


def test_what_is_remembered_of_counters_that_are_gone_is_bounded_and_the_newest_is_kept() -> None:
    deltas = Deltas()
    deltas.turn(tick(0))
    deltas.grown("first", 1.0)
    deltas.turn(tick(1))
    for number in range(MAX_MISSING):
        deltas.grown(number, 1.0)
    deltas.turn(tick(2))
    deltas.grown("there", 1.0)
    deltas.turn(tick(100))
    assert deltas.grown("first", 2.0) is None
    assert deltas.grown(0, 2.0) is not None
    assert deltas.grown("there", 2.0) is not None


def test_a_counter_that_was_reset_has_not_grown() -> None:
    deltas = Deltas()
    grown(deltas, 0, 5.0)
    assert grown(deltas, 15, 1.0) is None
    assert grown(deltas, 30, 2.0) == (1, 15)


def test_the_time_of_the_reading_counts_where_it_is_known() -> None:
    deltas = Deltas()
    deltas.turn(tick(0))
    deltas.grown("a", 0.0, 0.5)
    deltas.turn(tick(15))
    assert deltas.grown("a", 10.0, 20.5) == (10, 20, 0)


def test_many_counters_of_one_thing_grow_together_and_one_that_is_missing_goes_on_later() -> None:
    deltas = Deltas()
    for seconds, values, wanted in (
        (0, (1.0, 1.0, None), [None, None, None]),
        (15, (2.0, None, 7.0), [1, None, None]),
        (30, (2.0, 4.0, 6.0), [0, 3, None]),
    ):
        deltas.turn(tick(seconds))
        assert list(deltas.all_grown("disk", values)) == wanted


def test_a_time_of_the_monotonic_clock_is_told_as_a_date() -> None:
    host = Host("n", Path("/proc"), Path("/sys"))
    assert Cycle(host, 1_000_000.0, begun=500.0).when(480.0) == 999_980.0, "20 s before the cycle"
    assert Cycle(host, 1_000_000.0).when(480.0) is None
