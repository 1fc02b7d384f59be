"""``time_intervals`` of ``routes.yaml`` -> windows, in the words of Alertmanager."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argus.routing.times import MINUTES_OF_A_DAY, MONTHS, WEEKDAYS, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus.routing.yaml_lines import Value

LAST_DAY, LAST_YEAR = 31, 2200


def intervals(value: Value) -> tuple[str, tuple[Window, ...]]:
    """Read one named interval.  Raises ``RoutesError``."""
    words = value.mapping(("name", "time_intervals"), ("name", "time_intervals"))
    return words["name"].text(), tuple(words["time_intervals"].each(_window))


def _window(value: Value) -> Window:
    words = value.mapping(("times", "weekdays", "days_of_month", "months", "years", "location"))
    made = Window()
    if "times" in words:
        made = replace(made, spans=tuple(words["times"].each(_span)))
    if "weekdays" in words:
        made = replace(made, weekdays=_all(words["weekdays"].each(_weekdays)))
    if "days_of_month" in words:
        made = replace(made, days=_all(words["days_of_month"].each(_days_of_month)))
    if "months" in words:
        made = replace(made, months=_all(words["months"].each(_months)))
    if "years" in words:
        made = replace(made, years=_all(words["years"].each(_years)))
    if "location" in words:
        made = replace(made, location=zone(words["location"]))
    return made


def zone(value: Value) -> str:
    """Read the name of a time zone.  Raises ``RoutesError``."""
    try:
        ZoneInfo(value.text())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        value.fail(f"unknown time zone {value.text()}, write e.g. Europe/Berlin")
    return value.text()


def _all(ranges: Sequence[range]) -> frozenset[int]:
    return frozenset(number for each in ranges for number in each)


def _span(value: Value) -> tuple[int, int]:
    words = value.mapping(("start_time", "end_time"), ("start_time", "end_time"))
    start, end = (_minute(words[name]) for name in ("start_time", "end_time"))
    if start >= end:
        value.fail("start_time must be before end_time; write two spans for a night")
    return start, end


def _minute(value: Value) -> int:
    found = re.fullmatch(r"(\d\d):([0-5]\d)", value.text())
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minute <= MINUTES_OF_A_DAY:
        value.fail(f"{value.text()!r} is no time of day; write 08:00, in quotes")
    return minute


def _weekdays(value: Value) -> range:
    return _named(value, WEEKDAYS, "weekday", "monday or monday:friday", first=0)


def _months(value: Value) -> range:
    if re.fullmatch(r"\d+(:\d+)?", value.text()):
        return _numbers(value, 1, len(MONTHS), "month")
    return _named(value, MONTHS, "month", "january or january:march, or their numbers", first=1)


def _years(value: Value) -> range:
    return _numbers(value, 1970, LAST_YEAR, "year")


def _days_of_month(value: Value) -> range:
    """Days count from 1, or from the end of the month: -1 is its last."""
    return _numbers(value, -LAST_DAY, LAST_DAY, "day of a month")


def _named(value: Value, names: Sequence[str], what: str, example: str, *, first: int) -> range:
    start, _, end = value.text().partition(":")
    for name in (start, end or start):
        if name not in names:
            value.fail(f"{name!r} is no {what}; write {example}")
    low, high = names.index(start), names.index(end or start)
    if low > high:
        value.fail(f"a range of {what}s ends after it starts; write two")
    return range(low + first, high + first + 1)


def _numbers(value: Value, least: int, most: int, what: str) -> range:
    found = re.fullmatch(r"(-?\d+)(?::(-?\d+))?", value.text())
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not found or not least <= low <= high <= most or (least < 0 and (low == 0 or low < 0 < high)):
        value.fail(f"{value.text()!r} is no {what} or range of them, such as {max(1, least)}:{most}")
    return range(low, high + 1)
