"""Error budgets: for how long a service was down in the last hours and days, and how much of it is agreed.

The words are those of https://sre.google/workbook/alerting-on-slos/: a month's budget is (1 - availability)
of 30 days; a burn of 1 spends it in a month, and 14.4 for an hour spends 2 % of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HOUR, DAY = 3600, 86400
HOURS_KEPT, DAYS_KEPT = 24, 30
LONGEST_STEP = 300.0  # seconds between two rounds that count; for a longer gap nobody knows

Slots = Sequence[Sequence[float]]  # start, seconds watched, seconds down; oldest first
Ledger = Mapping[str, Slots]


def noted(ledger: Ledger, step: float, now: float, *, down: bool) -> dict[str, list[list[float]]]:
    """Add the ``step`` seconds before ``now`` to a ledger, and drop what is too old."""
    watched = step if 0 < step <= LONGEST_STEP else 0.0
    return {
        "hours": _noted(ledger.get("hours", ()), HOUR, HOURS_KEPT, watched, now, down=down),
        "days": _noted(ledger.get("days", ()), DAY, DAYS_KEPT, watched, now, down=down),
    }


def _noted(
    slots: Slots, length: int, kept: int, watched: float, now: float, *, down: bool
) -> list[list[float]]:
    start = float(now // length * length)
    found = [list(slot) for slot in slots if start - kept * length < slot[0] <= start]
    if not found or found[-1][0] != start:
        found.append([start, 0.0, 0.0])
    found[-1][1] += watched
    found[-1][2] += watched if down else 0.0
    return found


def spent(ledger: Ledger, share: float) -> float | None:
    """Return how much of the month's budget is used: 1 is all of it; ``None`` without a budget.

    ``share`` of 30 days may be down.  Days that were not watched are not counted as well, nor as down.
    """
    if share <= 0:
        return None
    return sum(slot[2] for slot in ledger.get("days", ())) / (share * DAYS_KEPT * DAY)


def burn(ledger: Ledger, share: float) -> float | None:
    """Return how many times too fast the budget goes, by the last six hours; ``None`` when not watched."""
    recent = list(ledger.get("hours", ()))[-6:]
    watched = sum(slot[1] for slot in recent)
    if share <= 0 or not watched:
        return None
    return sum(slot[2] for slot in recent) / watched / share
