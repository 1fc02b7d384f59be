"""A forecast has an interval that holds the truth, or it is refused with the reason."""

from __future__ import annotations

import random

import pytest

from argus.correlator.capacity.forecast import DAY, forecast


def line(
    days: int, start: float, slope: float, noise: float = 0.0, seed: int = 1
) -> list[tuple[float, float]]:
    dice = random.Random(seed)
    return [(day * DAY + 3600, start + slope * day + dice.gauss(0, noise)) for day in range(days)]


def test_a_clean_line_is_full_when_arithmetic_says() -> None:
    found = forecast(line(30, 100, 2), capacity=258)
    assert found.refused == ""
    assert found.full == pytest.approx(50)
    assert found.early == pytest.approx(50)
    assert found.late == pytest.approx(50)


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_truth(seed: int) -> None:
    found = forecast(line(60, 1000, 5, noise=20, seed=seed), capacity=1000 + 5 * 159)
    assert found.early is not None
    assert found.late is not None
    assert found.early <= 100 <= found.late


def test_a_week_of_nights_and_a_few_odd_days_do_not_bend_it() -> None:
    samples = line(40, 100, 1)
    samples += [(at + 7200, value * 0.5) for at, value in samples]
    samples[10] = (samples[10][0], 500.0)
    found = forecast(samples, capacity=239)
    assert found.full == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([], "needs values of 14 days, has 0"),
        (line(13, 1, 1), "needs values of 14 days, has 13"),
        (line(40, 1, 1)[::3], "of the days have no value"),
        ([*line(10, 10, 0), *((day * DAY, 90.0) for day in range(10, 20))], "one step"),
    ],
)
def test_what_cannot_be_said_is_refused(samples: list[tuple[float, float]], why: str) -> None:
    found = forecast(samples, capacity=1000)
    assert why in found.refused
    assert found.full is None


def test_what_does_not_grow_is_never_full_and_what_is_full_is_full_today() -> None:
    assert forecast(line(30, 100, 0), capacity=200).full is None
    assert forecast(line(30, 100, 5), capacity=90).full == 0.0
