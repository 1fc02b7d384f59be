"""When time intervals let a route speak again: the same as by looking at each minute, however far away."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from argus.routing.matchers import parse
from argus.routing.times import NEVER, Window, first_at, free_at, speaks
from argus.routing.tree import Route, Router, Step

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")
MINUTES = st.integers(0, 1440)
SPANS = st.tuples(MINUTES, MINUTES).filter(lambda span: span[0] < span[1])
WINDOWS = st.builds(
    Window,
    spans=st.lists(SPANS, min_size=1, max_size=2).map(tuple),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    location=st.sampled_from(ZONES),
)
# around the changes of clocks in Berlin and on Lord Howe, which changes by half an hour
MOMENTS = st.sampled_from([1774746000, 1792890000, 1775314800, 1790955000]).flatmap(
    lambda at: st.integers(at - 2 * 86400, at + 86400)
)


@given(st.lists(WINDOWS, min_size=1, max_size=3).map(tuple), st.none() | WINDOWS.map(lambda w: (w,)), MOMENTS)
@settings(max_examples=60, deadline=None)
def test_it_is_what_looking_at_each_minute_finds(
    muted: tuple[Window, ...], active: tuple[Window, ...] | None, moment: int
) -> None:
    minutes = range(moment - moment % 60 + 60, moment + 2 * 86400, 60)
    wanted = next((at for at in (moment, *minutes) if speaks(muted, active, at)), None)
    found = first_at(muted, active, float(moment))
    assert found == wanted if wanted is not None else found >= minutes[-1]


@pytest.mark.parametrize(
    ("window", "ends"),
    [
        (Window(months=frozenset({12, 1, 2})), datetime(2027, 3, 1, tzinfo=UTC)),
        (Window(years=frozenset({2026, 2027})), datetime(2028, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_mute_of_months_or_years_ends_when_it_says(window: Window, ends: datetime) -> None:
    began = datetime(2026, 12, 24, 18, 0, 7, tzinfo=UTC).timestamp()
    assert free_at((window,), began) == ends.timestamp()


def test_a_route_that_speaks_on_leap_days_only_waits_for_one() -> None:
    leap = Window(days=frozenset({29}), months=frozenset({2}))
    began = datetime(2028, 3, 1, tzinfo=UTC).timestamp()
    assert first_at((), (leap,), began) == datetime(2032, 2, 29, tzinfo=UTC).timestamp()


def test_what_is_muted_for_ever_never_speaks() -> None:
    assert free_at((Window(),), 1_800_000_000.0) == NEVER
    assert first_at((), (Window(years=frozenset({2020})),), 1_800_000_000.0) == NEVER


def test_a_thousand_incidents_in_a_long_mute_cost_little() -> None:
    holidays = (Window(days=frozenset(range(20, 32)), months=frozenset({12})), Window(months=frozenset({1})))
    route = Route("ops", (parse('severity="HIGH"'),), muted=holidays)
    router = Router(route, {"ops": ("webhook:ops",)})
    now = datetime(2026, 12, 20, 9, tzinfo=UTC).timestamp()
    began = time.process_time()
    for _ in range(1000):
        router.due({"severity": "HIGH"}, now)
    assert time.process_time() - began < 0.5, "0.05 s; by minutes it was 7"


def test_no_escalation_is_due_before_the_first_message() -> None:
    night = (Window(((0, 6 * 60),)),)
    route = Route("ops", wait=60.0, muted=night, steps=(Step(0.0, "boss"), Step(900.0, "head")))
    router = Router(route, {"ops": ("a",), "boss": ("b",), "head": ("c",)})
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    noon = midnight + 12 * 3600
    assert [(due.target, due.at - midnight) for due in router.due({}, midnight)] == [
        ("a", 6 * 3600),
        ("b", 6 * 3600),
        ("c", 6 * 3600 + 900),
    ]
    assert [(due.target, due.at - noon) for due in router.due({}, noon)] == [("a", 60), ("b", 60), ("c", 960)]
