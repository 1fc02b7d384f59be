"""Windows of each week, in a time zone, over midnight and over the end of summer time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.routing.times import WEEKDAYS, covered, free_at
from argus.routing.weekly import WeeklyError, from_json, in_words, parse, to_json

BERLIN = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


def test_a_window_over_midnight_ends_on_the_next_day() -> None:
    windows = parse("saturday 22:00-02:00", BERLIN)
    assert not covered(windows, at("2026-11-21T21:59"))  # a Saturday
    assert covered(windows, at("2026-11-21T22:00"))
    assert covered(windows, at("2026-11-22T01:59"))
    assert not covered(windows, at("2026-11-22T02:00"))
    assert not covered(windows, at("2026-11-22T22:00"))
    assert free_at(windows, at("2026-11-21T23:00")) == at("2026-11-22T02:00")


def test_a_window_is_that_of_the_clock_on_the_wall_on_both_sides_of_summer_time() -> None:
    windows = parse("sunday 04:00-05:00", BERLIN)
    for day in ("2026-10-18", "2026-10-25", "2026-11-01"):
        assert covered(windows, at(f"{day}T04:30"))
        assert not covered(windows, at(f"{day}T05:00"))


@given(st.lists(st.sampled_from(WEEKDAYS), min_size=1), st.integers(0, 1439), st.integers(0, 1439))
def test_what_is_kept_is_what_was_meant(days: list[str], start: int, end: int) -> None:
    text = f"{','.join(days)} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    if start == end:
        with pytest.raises(WeeklyError):
            parse(text, "UTC")
        return
    windows = parse(text, "UTC")
    assert tuple(from_json(to_json(window)) for window in windows) == windows
    minutes = sum(e - s for window in windows for s, e in window.spans for _ in window.weekdays)
    assert minutes == len(set(days)) * ((end - start) % 1440)
    assert all("UTC" in in_words(to_json(window)) for window in windows)


@pytest.mark.parametrize(
    "text", ["", "saturday", "satday 10:00-11:00", "monday 10:00-25:00", "monday 10:60-11:00"]
)
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(WeeklyError, match=r"write|goes from"):
        parse(text, "UTC")


def test_a_range_of_days_may_go_over_sunday() -> None:
    (window,) = parse("friday:monday 10:00-11:00", "UTC")
    assert window.weekdays == {4, 5, 6, 0}
