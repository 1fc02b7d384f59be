"""CPU time and delay of each guest's threads by role, from /proc alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_threads import COUNT, CPU, DELAY, SLICES
from argus_agent.kernel.guests import Role, Thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class GuestThreads:
    """Sums restart when a thread ends (a hot-unplugged vCPU, an idle worker): rates skip that interval."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield threads, seconds on a CPU and seconds waiting for one, by guest and role."""
        for process in cycle.running():
            for role in Role:
                threads = [thread for thread in process.threads if thread.role is role]
                if threads:
                    yield from _of_role(threads, process.guest.uuid, role.value)


def _of_role(threads: list[Thread], uuid: str, role: str) -> Iterator[Sample]:
    yield COUNT.sample(len(threads), uuid, role)
    busy = sum(thread.stat.user_seconds + thread.stat.system_seconds for thread in threads)
    yield CPU.sample(busy, uuid, role)
    schedstats = [thread.schedstat for thread in threads if thread.schedstat is not None]
    if len(schedstats) == len(threads):  # a sum over some of them would be too small
        yield DELAY.sample(sum(schedstat.delay_seconds for schedstat in schedstats), uuid, role)
        yield SLICES.sample(sum(schedstat.timeslices for schedstat in schedstats), uuid, role)
