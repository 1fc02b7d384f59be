"""Recurring windows of time, as ``time_intervals`` of Alertmanager.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_OF_A_DAY = 24 * 60
LOOK_AHEAD = timedelta(days=8)  # a window that is longer than a week is taken to last for ever


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the day from ``start`` up to ``end`` on some weekdays (0: Monday), in a time zone."""

    spans: tuple[tuple[int, int], ...] = ((0, MINUTES_OF_A_DAY),)
    weekdays: frozenset[int] = frozenset(range(7))
    location: str = "UTC"

    def covers(self, moment: float) -> bool:
        """Tell whether the moment (seconds since the epoch) lies within."""
        zone: tzinfo = UTC if self.location == "UTC" else ZoneInfo(self.location)
        local = datetime.fromtimestamp(moment, zone)
        minute = local.hour * 60 + local.minute
        return local.weekday() in self.weekdays and any(start <= minute < end for start, end in self.spans)


def covered(windows: Iterable[Window], moment: float) -> bool:
    """Tell whether any window covers the moment."""
    return any(window.covers(moment) for window in windows)


def free_at(windows: tuple[Window, ...], moment: float) -> float:
    """Return the first moment from then on that no window covers, to the minute."""
    if not covered(windows, moment):
        return moment
    minute = moment - moment % 60
    for step in range(1, int(LOOK_AHEAD.total_seconds() // 60)):
        if not covered(windows, minute + 60 * step):
            return minute + 60 * step
    return moment + LOOK_AHEAD.total_seconds()
