"""Recurring windows of time, as ``time_intervals`` of Alertmanager.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
MINUTES_OF_A_DAY = 24 * 60
LOOK_AHEAD = timedelta(days=8)  # a window that is longer than a week is taken to last for ever


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
        zone: tzinfo = UTC if self.location == "UTC" else ZoneInfo(self.location)
        local = datetime.fromtimestamp(moment, zone)
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
    """Return the first moment from then on that no window covers, to the minute."""
    return first_at(lambda at: not covered(windows, at), moment)


def first_at(wanted: Callable[[float], bool], moment: float) -> float:
    """Return the first moment from then on that is wanted, to the minute; ``LOOK_AHEAD`` on if none is."""
    if wanted(moment):
        return moment
    minute = moment - moment % 60
    for step in range(1, int(LOOK_AHEAD.total_seconds() // 60)):
        if wanted(minute + 60 * step):
            return minute + 60 * step
    return moment + LOOK_AHEAD.total_seconds()
