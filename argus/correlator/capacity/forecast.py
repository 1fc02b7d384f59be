"""When it is full: a robust line through what was used, with an interval, or a refusal with its reason.

Slope: Theil and Sen (Sen 1968, "Estimates of the regression coefficient based on Kendall's tau"), which a few
odd days do not bend; its confidence interval from the same paper.  Days are compared as days: the maximum of
each, so that neither night nor weekend looks like decline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY = 86400.0
DAYS_LEAST = 14  # two weeks: anything less cannot tell a trend from a week
GAPS_MOST = 0.3  # share of days without a value
CONFIDENCE = 0.9
HORIZON = 3 * 365.0  # days; beyond that a line says nothing about a cloud
STEP_MOST = 0.6  # of the whole growth in one day: it was a step, not a trend


@dataclass(frozen=True, slots=True)
class Forecast:
    """``full`` is when the line reaches capacity, ``early`` and ``late`` the ends of the interval.

    In days from the newest value; ``None``: not within three years.  ``refused`` says why there is no answer.
    ``slope`` is growth a day, ``slopes`` its interval, ``level`` the line's value at the newest day;
    90 % of the days lie within ``spread`` of it.
    """

    refused: str = ""
    full: float | None = None
    early: float | None = None
    late: float | None = None
    slope: float = 0.0
    slopes: tuple[float, float] = (0.0, 0.0)
    level: float = 0.0
    spread: float = 0.0
    newest: float = 0.0
    days: int = 0


def forecast(samples: Iterable[tuple[float, float]], capacity: float, least: int = DAYS_LEAST) -> Forecast:
    """Tell when use reaches ``capacity``.  ``samples`` are (seconds since the epoch, used), in any order."""
    days = daily(samples)
    if len(days) < 2:
        return Forecast(f"needs values of {least} days, has {len(days)}", days=len(days))
    span = days[-1][0] - days[0][0] + 1
    refused = _refusal(days, span, least)
    newest = days[-1][0] * DAY
    if refused:
        return Forecast(refused, newest=newest, days=len(days))
    slope, low, high = _slopes(days)
    offset = median(value - slope * day for day, value in days)
    level = offset + slope * days[-1][0]
    spread = _quantile([abs(value - offset - slope * day) for day, value in days], CONFIDENCE)
    room = capacity - level
    return Forecast(
        full=_until(room, slope),
        early=_until(room - spread, high),
        late=_until(room + spread, low),
        slope=slope,
        slopes=(low, high),
        level=level,
        spread=spread,
        newest=newest,
        days=len(days),
    )


def daily(samples: Iterable[tuple[float, float]]) -> list[tuple[int, float]]:
    """Return the largest value of each day, by number of the day (UTC)."""
    found: dict[int, float] = {}
    for at, value in samples:
        if math.isfinite(value):
            day = int(at // DAY)
            found[day] = max(value, found.get(day, value))
    return sorted(found.items())


def _refusal(days: Sequence[tuple[int, float]], span: int, least: int) -> str:
    if span < least:
        return f"needs values of {least} days, has {span}"
    gaps = 1 - len(days) / span
    if gaps > GAPS_MOST:
        return f"{gaps:.0%} of the days have no value"
    values = [value for _, value in days]
    rise = max(values) - min(values)
    steps = [abs(after - before) for before, after in pairwise(values)]
    if rise > 0 and max(steps) > STEP_MOST * rise and sum(steps) < 2 * rise:
        return "use changed in one step: a line through it would mean nothing"
    return ""


def _slopes(days: Sequence[tuple[int, float]]) -> tuple[float, float, float]:
    """Sen's slope and the ends of its confidence interval (normal approximation, without ties)."""
    slopes = sorted(
        (after - before) / (late - early)
        for position, (early, before) in enumerate(days)
        for late, after in days[position + 1 :]
    )
    number = len(days)
    deviation = math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    reach = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * deviation
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    return median(slopes), slopes[low], slopes[high]


def _until(room: float, slope: float) -> float | None:
    if room <= 0:
        return 0.0
    if slope <= 0 or room / slope > HORIZON:
        return None
    return room / slope


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
