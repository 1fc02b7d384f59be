"""Gauges of two counters: over a tick, and over several."""

from __future__ import annotations

import json

import pytest

from argus_agent.derived import Derived, Part, Sum, largest, quotient


def summed(*gauges: Derived | None) -> Derived:
    total = Sum()
    for gauge in gauges:
        assert gauge is not None
        total.add(gauge)
    return total.total()


def test_a_gauge_is_a_number_to_who_does_not_ask_for_more() -> None:
    gauge = quotient("vda", 1, 4)
    assert gauge == 0.25
    assert (f"{gauge}", json.dumps({"a": gauge})) == ("0.25", '{"a": 0.25}')


def test_nothing_is_said_where_nothing_happened() -> None:
    assert quotient("vda", 0, 0) is None
    assert largest([None, None]) is None
    with pytest.raises(ValueError, match="nothing"):
        Derived((Part("vda", 1, 0),))


def test_over_a_longer_time_the_sides_are_summed_and_not_the_quotients() -> None:
    assert summed(quotient("vda", 9, 1), quotient("vda", 1, 9)) == 1.0


def test_over_a_longer_time_another_one_may_be_the_largest() -> None:
    first = largest([quotient("a", 10, 10), quotient("b", 9, 10)])
    second = largest([quotient("a", 0, 10), quotient("b", 9, 10)])
    assert (first, second) == (1.0, 0.9)
    assert summed(first, second) == 0.9


def test_noise_beyond_what_can_be_is_cut_once_and_not_in_every_tick() -> None:
    ticks = [quotient("a", -1, 10, most=1.0), quotient("a", 12, 10, most=1.0), quotient("a", 9, 10, most=1.0)]
    assert ticks == [0, 1, 0.9]
    assert summed(*ticks) == pytest.approx(20 / 30)


def test_one_that_came_later_counts_from_when_it_came() -> None:
    assert summed(quotient("a", 0, 10), largest([quotient("a", 0, 10), quotient("b", 10, 10)])) == 1.0
