"""Gauges made of two counters, kept so that whoever delivers seldom can tell of the whole time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


class Part(NamedTuple):
    """A quotient whose two sides can be summed over time; ``of`` tells one vCPU, disk or limit from another.

    Of steal the numerator is seconds waited and the denominator seconds passed; of a disk's latency, seconds
    spent and operations done.
    """

    of: Hashable
    numerator: float
    denominator: float


class Derived(float):
    """The largest of its parts' quotients since the last tick; at least 0 and at most ``most``.

    A quotient without a denominator says nothing: at least one part has one.
    """

    __slots__ = ("most", "parts")

    parts: tuple[Part, ...]
    most: float

    def __new__(cls, parts: tuple[Part, ...], most: float = math.inf) -> Self:
        """Raise ``ValueError`` when no part has a denominator."""
        found = [numerator / denominator for _, numerator, denominator in parts if denominator > 0]
        if not found:
            raise ValueError("nothing was divided by anything")
        self = super().__new__(cls, min(most, max(0.0, *found)))
        self.parts = parts
        self.most = most
        return self


def quotient(of: Hashable, numerator: float, denominator: float, most: float = math.inf) -> Derived | None:
    """Return a gauge of one part; ``None`` where there is nothing to divide by."""
    return Derived((Part(of, numerator, denominator),), most) if denominator > 0 else None


def largest(gauges: Iterable[Derived | None]) -> Derived | None:
    """Return the largest of gauges of one kind: over a longer time another one may be it."""
    known = [gauge for gauge in gauges if gauge is not None]
    if not known:
        return None
    return Derived(tuple([part for gauge in known for part in gauge.parts]), known[0].most)


class Sum:
    """The same gauge over several ticks: sides are summed part by part, then divided, then compared."""

    __slots__ = ("_most", "_sides")

    def __init__(self) -> None:
        self._sides: dict[Hashable, tuple[float, float]] = {}
        self._most = math.inf

    def add(self, gauge: Derived) -> None:
        """Add a tick."""
        self._most = gauge.most
        for of, numerator, denominator in gauge.parts:
            before = self._sides.get(of, (0.0, 0.0))
            self._sides[of] = (before[0] + numerator, before[1] + denominator)

    def total(self) -> Derived:
        """Return the gauge over all the time that was added."""
        return Derived(tuple([Part(of, *sides) for of, sides in self._sides.items()]), self._most)
