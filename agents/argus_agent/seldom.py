"""What changes slowly on the node: read once a minute, told in each cycle with the time of reading."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

MINUTE = 60.0
_EARLY = 1.0  # cycles are not quite even


class Seldom:
    """Keeps the samples that ``make`` gave, what it raised and what it could not read, for ``seconds``."""

    def __init__(self, make: Callable[[Cycle], Iterable[Sample]], seconds: float = MINUTE) -> None:
        self._make = make
        self._seconds = seconds
        self._read_at = -math.inf
        self._kept: tuple[Sample, ...] = ()
        self._failure: Exception | None = None
        self._unread: dict[str, str] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the samples.  Raises what ``make`` raised."""
        now = cycle.host.monotonic()
        if not cycle.for_events and now - self._read_at >= self._seconds - _EARLY:
            self._read_at = now
            self._kept, self._failure = (), None
            try:
                self._kept = tuple(sample._replace(at=cycle.at) for sample in self._make(cycle))
            except Exception as error:  # noqa: BLE001 -- raised below, in each cycle until it is read again
                self._failure = error.with_traceback(None)  # which would keep the cycle with all it told
            self._unread = dict(cycle.unread_files)
        cycle.unread_files.update(self._unread)
        if self._failure is not None:
            if isinstance(self._failure, NoData):
                raise NoData(str(self._failure))  # a new one: each time it is raised adds to a traceback
            raise self._failure.with_traceback(None)
        yield from self._kept
