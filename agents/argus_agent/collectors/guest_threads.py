"""CPU time and delay of each guest's threads by role, from /proc alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_threads import COUNT, CPU, DELAY, SLICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import Thread


class GuestThreads:
    """Sums restart when a thread ends (a hot-unplugged vCPU, an idle worker): rates skip that interval."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield threads, seconds on a CPU and seconds waiting for one, by guest and role."""
        for process in cycle.running():
            by_role: dict[str, list[Thread]] = {}
            for thread in process.threads:
                by_role.setdefault(thread.role.value, []).append(thread)
            for role, threads in by_role.items():
                yield from _of_role(threads, process.guest.uuid, role)


def _of_role(threads: list[Thread], uuid: str, role: str) -> Iterator[Sample]:
    yield COUNT.sample(len(threads), uuid, role)
    yield CPU.sample(sum(thread.cpu_seconds for thread in threads), uuid, role)
    delays = [thread.delay_seconds for thread in threads if thread.delay_seconds is not None]
    slices = [thread.timeslices for thread in threads if thread.timeslices is not None]
    if len(delays) == len(threads):  # a sum over some of them would be too small
        yield DELAY.sample(sum(delays), uuid, role)
        yield SLICES.sample(sum(slices), uuid, role)
