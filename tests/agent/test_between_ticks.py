"""How soon an event is told, and what a storm of them may cost."""

from __future__ import annotations

from itertools import pairwise

import pytest

from argus_agent.between_ticks import (
    BURST,
    ECHO_SECONDS,
    SETTLE_SECONDS,
    SHARE,
    SLOWEST_SECONDS,
    URGENT_BURST,
    BetweenTicks,
)


def test_an_event_is_told_soon_but_at_most_once_a_second() -> None:
    between = BetweenTicks()
    assert between.due(99.0, woken=False) == float("inf")
    assert between.due(100.0, woken=True) == 100.0 + SETTLE_SECONDS
    assert between.due(100.05, woken=True) == 100.0 + SETTLE_SECONDS, "further events do not put it off"
    between.ran(100.1, 100.2, failed=False)
    assert between.due(100.3, woken=True) == pytest.approx(101.2)


def test_after_a_guest_failed_the_node_speaks_once_more() -> None:
    between = BetweenTicks()
    between.ran(100.0, 100.1, failed=True)
    assert between.due(100.2, woken=False) == pytest.approx(100.1 + ECHO_SECONDS)
    between.ran(101.3, 101.4, failed=False)
    assert between.due(101.5, woken=False) == float("inf")


def test_a_storm_on_a_large_node_costs_a_tenth_of_the_time() -> None:
    between = BetweenTicks()
    between.ran(100.0, 102.0, failed=False)
    assert between.due(102.5, woken=True) == pytest.approx(120.0)


def test_a_guest_that_failed_does_not_wait_for_a_tenth_of_the_time_of_a_slow_node() -> None:
    between = BetweenTicks()
    between.ran(100.0, 102.0, failed=False, tick=True)
    assert between.due(102.5, woken=True, urgent=True) == pytest.approx(103.0)
    between.ran(103.0, 105.0, failed=True)
    assert between.due(105.1, woken=False) == pytest.approx(105.0 + ECHO_SECONDS), "nor does the echo"


def storm(tick_cpu: float, event_cpu: float, *, failed: bool = False, interval: float = 15.0) -> list[float]:
    """When cycles for events ran in an hour in which there was always something to tell."""
    between = BetweenTicks()
    ran: list[float] = []
    now = tick = cpu = 0.0
    while now < 3600:
        extra = between.due(now, woken=True, urgent=failed)
        is_tick = tick <= extra
        now = max(now, tick if is_tick else extra)
        between.ran(now, now + 0.01, failed=failed, tick=is_tick, cpu=cpu)
        cpu += tick_cpu if is_tick else event_cpu
        if is_tick:
            tick += interval
        else:
            ran.append(now)
    return ran


@pytest.mark.parametrize("failed", [False, True])
def test_a_long_storm_costs_a_share_of_what_ticks_cost(failed: bool) -> None:
    ran = [at for at in storm(0.020, 0.002, failed=failed) if at >= 600]
    assert len(ran) * 0.002 == pytest.approx(SHARE * 200 * 0.020, rel=0.05)


def test_the_first_events_of_a_storm_are_told_at_once_and_failures_longer() -> None:
    def soon(ran: list[float]) -> int:
        return sum(at < 20 for at in ran)

    assert soon(storm(0.020, 0.010)) == pytest.approx(BURST, abs=1)
    assert soon(storm(0.020, 0.010, failed=True)) >= URGENT_BURST


def test_where_ticks_are_rare_events_are_not() -> None:
    often, seldom = (len(storm(0.020, 0.002, interval=seconds)) for seconds in (15.0, 600.0))
    assert seldom > often / 2


def test_however_dear_they_are_events_are_told() -> None:
    ran = storm(0.001, 0.100, interval=600.0)
    assert max(later - sooner for sooner, later in pairwise(ran)) <= SLOWEST_SECONDS + 1
