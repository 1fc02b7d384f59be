"""Recurring windows of time, as ``time_intervals`` of Alertmanager.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import calendar
import heapq
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
MINUTES_OF_A_DAY = 24 * 60
NEVER = 4_000_000_000.0  # the year 2096
WEEK_DAYS = 9  # days after which windows by weekday only repeat, and one to spare for a change of clocks
YEARS_DAYS = 8 * 366 + 1  # days within which each 29 February comes, 1900 and 2100 apart
REMEMBERED = 512  # answers: incidents of one cycle ask the same


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the day from ``start`` up to ``end`` on some days, in a time zone.

    ``weekdays`` count from 0, Monday; ``days`` of the month from 1, or backwards from -1; none: all of them.
    """

    spans: tuple[tuple[int, int], ...] = ((0, MINUTES_OF_A_DAY),)
    weekdays: frozenset[int] = frozenset(range(7))
    location: str = "UTC"
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    years: frozenset[int] = frozenset()

    def covers(self, moment: float) -> bool:
        """Tell whether the moment (seconds since the epoch) lies within."""
        local = datetime.fromtimestamp(moment, _zone(self.location))
        minute = local.hour * 60 + local.minute
        return self._has_day(local) and any(start <= minute < end for start, end in self.spans)

    def _has_day(self, local: datetime) -> bool:
        backwards = local.day - calendar.monthrange(local.year, local.month)[1] - 1
        return (
            local.weekday() in self.weekdays
            and (not self.days or bool(self.days & {local.day, backwards}))
            and (not self.months or local.month in self.months)
            and (not self.years or local.year in self.years)
        )


def covered(windows: Iterable[Window], moment: float) -> bool:
    """Tell whether any window covers the moment."""
    return any(window.covers(moment) for window in windows)


def free_at(windows: tuple[Window, ...], moment: float) -> float:
    """Return the first moment from then on that no window covers, to the minute; ``NEVER`` if none is."""
    return first_at(windows, None, moment)


def first_at(muted: tuple[Window, ...], active: tuple[Window, ...] | None, moment: float) -> float:
    """Return the first moment from then on that ``muted`` does not cover, and ``active`` does where given.

    To the minute; ``NEVER`` when there is none, however long one looks.
    """
    if speaks(muted, active, moment):
        return moment
    return _next(muted, active, moment - moment % 60)


def speaks(muted: tuple[Window, ...], active: tuple[Window, ...] | None, moment: float) -> bool:
    """Tell whether the moment is in no window of ``muted``, and in one of ``active`` where given."""
    return not covered(muted, moment) and (active is None or covered(active, moment))


@lru_cache(maxsize=REMEMBERED)
def _next(muted: tuple[Window, ...], active: tuple[Window, ...] | None, minute: float) -> float:
    """Look only at the moments at which a window may begin or end."""
    windows = (*muted, *(active or ()))
    return next((at for at in _edges(windows, minute) if speaks(muted, active, at)), NEVER)


def _edges(windows: Iterable[Window], moment: float) -> Iterator[float]:
    """Yield the moments after this one at which a window may begin or end, in order, until all repeats."""
    minutes: dict[str, set[int]] = {}
    days = WEEK_DAYS
    for window in windows:
        mine = minutes.setdefault(window.location, {0})
        mine.update(minute for span in window.spans for minute in span if minute < MINUTES_OF_A_DAY)
        if window.days or window.months or window.years:
            last = date(max(window.years, default=1970), 12, 31)
            today = datetime.fromtimestamp(moment, UTC).date()
            days = max(days, YEARS_DAYS + max(0, (last - today).days))
    zones = [_of_zone(location, sorted(each), moment, days) for location, each in minutes.items()]
    yield from (at for at in heapq.merge(*zones) if at > moment)


def _of_zone(location: str, minutes: list[int], moment: float, days: int) -> Iterator[float]:
    """Yield the edges of each day in one time zone; on a day on which clocks change each minute is one."""
    zone = _zone(location)
    first = datetime.fromtimestamp(moment, zone).date()
    for number in range(days):
        day = first + timedelta(days=number)
        midnight, next_one = (
            datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + timedelta(days=1))
        )
        start = midnight.timestamp()
        if midnight.utcoffset() == next_one.utcoffset():
            yield from (start + 60 * minute for minute in minutes)
        else:
            yield from (start + 60 * minute for minute in range(int(next_one.timestamp() - start) // 60))


def _zone(location: str) -> tzinfo:
    return UTC if location == "UTC" else ZoneInfo(location)
