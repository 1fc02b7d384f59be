"""Serves the newest values at /metrics in Prometheus' text format."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from argus.catalogue.model import Row
from argus_agent.sinks.exposition import Exposition
from argus_agent.sinks.http import TextServer
from argus_agent.sinks.packed import Packer, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argus.catalogue.model import Sample
    from argus_agent.runner import Result
    from argus_agent.settings import Address

STALE_INTERVALS = 4
"""A cycle this many intervals old is not shown: stale values would look like the present."""


class Prometheus:
    """Keeps the last tick's values, in which a cycle for events replaces what it measured anew.

    They are written when somebody asks: once, however many ask.  A scrape costs no measuring, and where
    nobody scrapes nothing is written.
    """

    def __init__(self, interval: float, monotonic: Callable[[], float]) -> None:
        """``monotonic`` never steps: when the clock is set, values are neither hidden nor kept."""
        self._interval = interval
        self._max_age = STALE_INTERVALS * interval
        self._monotonic = monotonic
        self._at = float("-inf")  # when the last result came
        self._told: list[Sample | Row] = []
        self._places: dict[tuple[int, tuple[str, ...]], int] | None = None  # in ``_told``, once wanted
        self._is_written = True
        self._text = packed("")
        self._writing = threading.Lock()
        self._exposition, self._packer = Exposition(), Packer()

    def put(self, result: Result) -> None:
        """Show this result from now on; one of events beside what is shown."""
        with self._writing:
            if result.only is None:
                self._told, self._places = list(result.told), None
                self._max_age = STALE_INTERVALS * self._interval
            else:
                self._renew(result.told)
            self._at, self._is_written = self._monotonic(), False

    def take_interval(self, interval: float) -> None:
        """Ticks come at this interval from the next one on; until then the longer one of the two holds."""
        with self._writing:
            self._max_age = max(self._max_age, STALE_INTERVALS * interval)
            self._interval = interval

    def serve(self, listen: Address) -> None:
        """Start serving in threads of its own.  Raises ``OSError`` when the address cannot be had."""
        TextServer(listen, self.compressed).start()

    def compressed(self) -> bytes:
        """Return what a scrape gets, as gzip: nothing before the first result, or when it is old."""
        with self._writing:
            if self._monotonic() - self._at > self._max_age:
                return packed("")
            if not self._is_written:
                self._text = self._packer.pack(self._exposition.families(self._told))
                self._is_written = True
            return self._text

    def _renew(self, told: Iterable[Sample | Row]) -> None:
        if self._places is None:
            self._places = {_key(one): place for place, one in enumerate(self._told)}
        for one in told:
            place = self._places.setdefault(_key(one), len(self._told))
            if place == len(self._told):
                self._told.append(one)
            else:
                self._told[place] = _over(self._told[place], one)


def _key(one: Sample | Row) -> tuple[int, tuple[str, ...]]:
    return id(one.metrics if isinstance(one, Row) else one.metric), one.labels


def _over(old: Sample | Row, new: Sample | Row) -> Sample | Row:
    """What was measured anew; of a row, the rest as it was: gauges of two ticks are of ticks only."""
    if not isinstance(new, Row) or not isinstance(old, Row):
        return new
    both = zip(old.values, new.values, strict=True)
    return new._replace(values=tuple([before if value is None else value for before, value in both]))
