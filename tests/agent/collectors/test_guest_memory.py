"""What a balloon driver says: in bytes, and only while it is fresh by the guest's own period."""

from __future__ import annotations

import pytest
from recorded import cycle_with

from argus.catalogue import guest_memory
from argus.catalogue.model import Metric, Value, samples_of
from argus_agent.collectors.guest_memory import GUEST, GuestMemory
from argus_agent.guests import Definition, Guest

NOW = 10_000.0


def told(stats: dict[str, float | str], age: float = 0, period: int = 10) -> dict[Metric, Value]:
    full = {"state.state": 1, "balloon.last-update": NOW - age, **stats}
    guest = Guest("u", "g", 1, full, Definition(balloon_period=period))
    return {s.metric: s.value for s in samples_of(GuestMemory().collect(cycle_with((guest,), at=NOW)))}


SIZES = {
    "maximum": guest_memory.MAXIMUM,
    "current": guest_memory.CURRENT,
    "rss": guest_memory.RSS,
    "available": guest_memory.AVAILABLE,
    "usable": guest_memory.USABLE,
    "unused": guest_memory.UNUSED,
    "disk_caches": guest_memory.CACHES,
    "swap_in": guest_memory.SWAP_IN,
    "swap_out": guest_memory.SWAP_OUT,
}
COUNTS = {
    "major_fault": guest_memory.MAJOR_FAULTS,
    "minor_fault": guest_memory.MINOR_FAULTS,
    "hugetlb_pgalloc": guest_memory.HUGE_ALLOCATED,
    "hugetlb_pgfail": guest_memory.HUGE_FAILED,
}


@pytest.mark.parametrize(("key", "metric"), SIZES.items())
def test_libvirt_gives_sizes_in_kib(key: str, metric: Metric) -> None:
    assert told({f"balloon.{key}": 7})[metric] == 7 * 1024


@pytest.mark.parametrize(("key", "metric"), COUNTS.items())
def test_counts_are_counts(key: str, metric: Metric) -> None:
    assert told({f"balloon.{key}": 7})[metric] == 7


@pytest.mark.parametrize(
    ("age", "period", "fresh"),
    [(60, 10, True), (61, 10, False), (60, 0, True), (61, 0, False), (360, 120, True), (361, 120, False)],
)
def test_a_report_is_good_for_a_minute_or_three_of_the_guests_periods(
    age: float, period: int, fresh: bool
) -> None:
    values = told({"balloon.unused": 7, "balloon.maximum": 9}, age, period)
    assert (guest_memory.UNUSED in values) is fresh
    assert values[guest_memory.MAXIMUM] == 9 * 1024, "that is libvirt's own"
    assert values[guest_memory.AGE] == age


def test_nothing_of_a_driver_that_is_silent_is_told() -> None:
    stats: dict[str, float | str] = {f"balloon.{key}": 7 for key in (*SIZES, *COUNTS)}
    assert not told(stats, age=3600).keys() & {*GUEST.metrics, guest_memory.USED}
