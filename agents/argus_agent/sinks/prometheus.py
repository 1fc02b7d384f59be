"""Serves the newest cycle at /metrics in Prometheus' text format."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from argus_agent.sinks.exposition import Exposition
from argus_agent.sinks.http import TextServer
from argus_agent.sinks.packed import Packer, packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.catalogue.model import Row, Sample
    from argus_agent.runner import Result
    from argus_agent.settings import Address

STALE_INTERVALS = 4
"""A cycle this many intervals old is not shown: stale values would look like the present."""


class Prometheus:
    """Keeps the newest result, and writes it when it is asked for: once, however many ask.

    A scrape costs no measuring, and where nobody scrapes nothing is written.
    """

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._max_age = STALE_INTERVALS * interval
        self._clock = clock
        self._at = float("-inf")
        self._told: tuple[Sample | Row, ...] | None = None  # until it is written
        self._text = packed("")
        self._writing = threading.Lock()
        self._exposition, self._packer = Exposition(), Packer()

    def put(self, result: Result) -> None:
        """Show this result from now on."""
        with self._writing:
            self._at, self._told = result.at, result.told

    def serve(self, listen: Address) -> None:
        """Start serving in threads of its own.  Raises ``OSError`` when the address cannot be had."""
        TextServer(listen, self.compressed).start()

    def compressed(self) -> bytes:
        """Return what a scrape gets, as gzip: nothing before the first result, or when it is old."""
        with self._writing:
            if self._clock() - self._at > self._max_age:
                return packed("")
            told, self._told = self._told, None
            if told is not None:
                self._text = self._packer.pack(self._exposition.families(told))
            return self._text
