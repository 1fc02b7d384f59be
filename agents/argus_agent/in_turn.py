"""Files that change slowly: those of some guests in each cycle, in turn.

What was read is kept with the time at which it was read, and told with that time until it is renewed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from argus.catalogue.model import measured
from argus_agent.kept import Kept, what_is_wrong
from argus_agent.page_walks import RENEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

T = TypeVar("T")


class Pace(NamedTuple):
    """A round takes ``seconds`` or ``cycles``, whichever is less; ``least`` guests are read in each cycle.

    ``waits``: guests that are new wait for their turn like the others, rather than being read at once.
    """

    seconds: float
    cycles: float
    least: int
    waits: bool


MINUTE = Pace(60.0, 4, 8, waits=False)
"""For small files: a quarter of the guests in each cycle of 15 s, all of them where there are few."""
HALF_MINUTE = Pace(30.0, 2, 8, waits=False)
"""For counters whose rate somebody looks at over a minute."""
TWO_MINUTES = Pace(120.0, 8, 8, waits=False)
"""For what an administrator changes or the kernel moves over minutes: affinities, where memory is."""
FIVE_MINUTES = Pace(300.0, math.inf, 1, waits=False)
"""For what hardly changes while a guest runs, or is worth a look now and then."""
DEAR = Pace(RENEW_SECONDS, math.inf, 0, waits=True)
"""For files that make the kernel walk page tables (numa_maps, smaps_rollup): see page_walks."""


ROUNDING = 1e-6
"""Of sums of parts: a tenth ten times is not quite one."""


class InTurn(Generic[T]):
    """Keeps the last ``read`` of every guest that runs.

    ``read`` raises ``OSError`` or ``ValueError`` where it cannot; that costs its guest alone.
    """

    def __init__(self, read: Callable[[Cycle, GuestProcess], T], pace: Pace) -> None:
        self._read = read
        self._pace = pace
        self._kept: dict[str, Kept[T]] = {}  # the one to renew next comes first
        self._credit = 0.0  # guests that may be read, by the time that has passed
        self._last = -math.inf  # when the last turn was, on the monotonic clock

    def renew(self, cycle: Cycle) -> Iterator[tuple[GuestProcess, Kept[T]]]:
        """Read the guests whose turn it is; yield all of which something is known."""
        processes = {process.guest.uuid: process for process in cycle.running()}
        if not cycle.for_events:
            pids = {uuid: process.guest.pid for uuid, process in processes.items()}
            for uuid in [uuid for uuid, kept in self._kept.items() if kept.pid != pids.get(uuid)]:
                del self._kept[uuid]
            now = cycle.host.monotonic()
            for uuid in self._due(processes, now - self._last):
                self._kept.pop(uuid, None)
                value, trouble = attempt(self._read, cycle, processes[uuid])
                self._kept[uuid] = Kept(processes[uuid].guest.pid, cycle.at, now, value, trouble)
            self._last = now
        for uuid, process in processes.items():  # in their order, so that only what is new differs
            kept = self._kept.get(uuid)
            if kept is None or kept.pid != process.guest.pid:  # not read in this run of the guest
                continue
            if kept.trouble:
                cycle.unread[uuid] = kept.trouble
            if kept.value is not None:
                yield process, kept

    def _due(self, processes: Iterable[str], elapsed: float) -> list[str]:
        new = [uuid for uuid in processes if uuid not in self._kept]
        guests = len(new) + len(self._kept)
        begins = math.isinf(elapsed) and self._pace.waits
        share = min(1.0, max(elapsed / self._pace.seconds, 1 / self._pace.cycles))
        # What is left over counts for the next cycle: rounding up would read a single guest in each of them.
        self._credit = 1.0 if begins else min(guests, self._credit + guests * share)
        count = max(self._pace.least, int(self._credit + ROUNDING))
        self._credit = max(0.0, self._credit - count)
        if self._pace.waits:
            return [*new, *self._kept][:count]
        return new + list(self._kept)[: max(0, count - len(new))]


class SamplesInTurn:
    """Keeps the samples of every guest, which carry the time at which they were measured."""

    def __init__(
        self, make: Callable[[Cycle, GuestProcess], Iterable[Sample | Row]], pace: Pace = MINUTE
    ) -> None:
        def read(cycle: Cycle, process: GuestProcess) -> tuple[Sample | Row, ...]:
            return tuple([measured(one, cycle.at) for one in make(cycle, process)])

        self._turn = InTurn(read, pace)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield the samples of all guests, renewed or not."""
        for _, kept in self._turn.renew(cycle):
            yield from kept.value or ()


def attempt(
    read: Callable[[Cycle, GuestProcess], T], cycle: Cycle, process: GuestProcess
) -> tuple[T | None, str]:
    """Return what was read of a guest, or ``None`` and the reason, which is empty where nothing is amiss.

    What is not there is no trouble: the guest ended since it was listed, or the kernel lacks the file.
    """
    try:
        return read(cycle, process), ""
    except (OSError, ValueError, LookupError) as error:
        return None, what_is_wrong(error)
