"""CPU time and delay of each guest's threads by role, from /proc alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_threads import COUNT, CPU, DELAY, SLICES
from argus.catalogue.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import Role, Thread


METRICS = (COUNT, CPU, DELAY, SLICES)


class GuestThreads:
    """Sums restart when a thread ends (a hot-unplugged vCPU, an idle worker): rates skip that interval."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield threads, seconds on a CPU and seconds waiting for one, by guest and role."""
        for process in cycle.running():
            by_role: dict[Role, list[Thread]] = {}
            for thread in process.threads:
                by_role.setdefault(thread.role, []).append(thread)
            for role, threads in by_role.items():
                yield Row(METRICS, _sums(threads), (process.guest.uuid, role.value))


def _sums(threads: list[Thread]) -> tuple[float | None, ...]:
    cpu = sum(thread.cpu_seconds for thread in threads)
    delays = [thread.delay_seconds for thread in threads if thread.delay_seconds is not None]
    slices = [thread.timeslices for thread in threads if thread.timeslices is not None]
    if len(delays) < len(threads):  # a sum over some of them would be too small
        return len(threads), cpu, None, None
    return len(threads), cpu, sum(delays), sum(slices)
