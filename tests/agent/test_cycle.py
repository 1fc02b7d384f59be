"""Differences of counters between cycles."""

from __future__ import annotations

from argus_agent.cycle import Deltas


def test_growth_is_between_two_cycles_in_a_row() -> None:
    deltas = Deltas()
    deltas.turn()
    assert deltas.grown("a", 5) is None
    deltas.turn()
    assert deltas.grown("a", 7) == 2
    deltas.turn()  # not seen
    deltas.turn()
    assert deltas.grown("a", 9) is None


def test_a_counter_that_was_reset_has_not_grown() -> None:
    deltas = Deltas()
    deltas.grown("a", 5)
    deltas.turn()
    assert deltas.grown("a", 4) is None
    deltas.turn()
    assert deltas.grown("a", 6) == 2


def test_unknown_is_not_no_growth() -> None:
    deltas = Deltas()
    deltas.grown("a", 5)
    deltas.turn()
    assert deltas.grown("a", None) is None


def test_many_counters_grow_beside_each_other() -> None:
    deltas = Deltas()
    assert list(deltas.all_grown("disk", [5, None, 7, 9])) == [None] * 4
    deltas.turn()
    assert list(deltas.all_grown("disk", [6, 1, 3, None])) == [1, None, None, None]
    deltas.turn()
    deltas.turn()
    assert list(deltas.all_grown("disk", [7, 2, 4, 9])) == [None] * 4
