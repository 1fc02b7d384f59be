"""Windows of each week in a word: ``saturday,sunday 22:00-02:00``; what silences recur by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argus.errors import ArgusError
from argus.routing.times import MINUTES_OF_A_DAY, WEEKDAYS, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHAPE = re.compile(r"(?P<days>[a-z,:]+)\s+(?P<h1>\d\d):(?P<m1>[0-5]\d)-(?P<h2>\d\d):(?P<m2>[0-5]\d)")


class WeeklyError(ArgusError):
    """The text names no window of a week."""


def parse(text: str, location: str) -> tuple[Window, ...]:
    """Read days and a span; one that ends before it starts ends on the next day.  Raises ``WeeklyError``."""
    found = _SHAPE.fullmatch(text.strip().lower())
    if not found:
        raise WeeklyError(f"{text!r} is no window of a week; write 'saturday,sunday 22:00-02:00'")
    try:
        ZoneInfo(location)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WeeklyError(f"unknown time zone {location}, write e.g. Europe/Berlin") from None
    start, end = (int(found[h]) * 60 + int(found[m]) for h, m in (("h1", "m1"), ("h2", "m2")))
    if max(start, end) > MINUTES_OF_A_DAY or start == end:
        raise WeeklyError(f"{text!r}: a span goes from one time of day to another, 24:00 at most")
    days = frozenset(day for each in found["days"].split(",") for day in _days(each))
    if start < end:
        return (Window(((start, end),), days, location),)
    tomorrow = frozenset((day + 1) % len(WEEKDAYS) for day in days)
    tonight = Window(((start, MINUTES_OF_A_DAY),), days, location)
    return (tonight, Window(((0, end),), tomorrow, location)) if end else (tonight,)


def _days(text: str) -> Iterable[int]:
    first, _, last = text.partition(":")
    for name in (first, last or first):
        if name not in WEEKDAYS:
            raise WeeklyError(f"{name!r} is no weekday; write monday, or monday:friday")
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    length = (end - start) % len(WEEKDAYS)
    return ((start + each) % len(WEEKDAYS) for each in range(length + 1))


def to_json(window: Window) -> dict[str, Any]:
    """Return a window as a row of the database keeps it."""
    return {
        "spans": [list(span) for span in window.spans],
        "weekdays": sorted(window.weekdays),
        "location": window.location,
    }


def from_json(kept: Mapping[str, Any]) -> Window:
    """Return the window that was kept."""
    spans = tuple((int(start), int(end)) for start, end in kept["spans"])
    return Window(spans, frozenset(kept["weekdays"]), str(kept["location"]))


def in_words(kept: Mapping[str, Any]) -> str:
    """Return a window for people."""
    days = ",".join(WEEKDAYS[day][:3] for day in kept["weekdays"])
    spans = ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in kept["spans"])
    return f"{days} {spans} {kept['location']}"
