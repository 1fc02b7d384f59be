"""Memory of each guest's QEMU process, from /proc/PID; huge pages from its control group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_data
from argus.catalogue.guest_process import ANON_HUGE, GUESTS_RSS, MAJOR_FAULTS, RSS, SHMEM_HUGE, STATUS
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.in_turn import TWO_MINUTES, InTurn, SamplesInTurn
from argus_agent.kernel.files import read
from argus_agent.kernel.memory_stat import Huge
from argus_agent.kernel.process import PAGE_BYTES, parse_kilobytes, status_field
from argus_agent.memory_source import huge_of_group
from argus_agent.page_walks import SMAPS_ROLLUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


OF_STAT = (RSS, MAJOR_FAULTS)
OF_STATUS = tuple(STATUS.values())
OF_HUGE = (ANON_HUGE, SHMEM_HUGE)
MEMORY_STAT = "memory_stat"


class GuestProcessMemory:
    """Resident, swapped and huge memory, and faults."""

    stats = None

    def __init__(self) -> None:
        self._statuses = SamplesInTurn(_of_status)
        self._groups = InTurn(_of_group, TWO_MINUTES)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield bytes and faults by guest."""
        now = cycle.host.monotonic()
        total = 0
        for process in cycle.running():
            resident = process.stat.rss_pages * PAGE_BYTES
            total += resident
            yield Row(OF_STAT, (resident, process.stat.major_faults), (process.guest.uuid,))
        yield GUESTS_RSS.sample(total)
        yield from self._statuses.collect(cycle)
        for process, kept in self._groups.renew(cycle):
            huge, source, at, read_at = kept.value, MEMORY_STAT, kept.at, kept.read_at
            if huge is None or not is_known(huge):
                walked = cycle.walked(process, SMAPS_ROLLUP)
                if walked is None or walked.value is None:
                    continue
                huge, source, at, read_at = _of_rollup(walked.value), SMAPS_ROLLUP, walked.at, walked.read_at
            yield Row(OF_HUGE, huge, (process.guest.uuid,), at)
            yield guest_data.AGE.sample(round(max(0.0, now - read_at), 3), process.guest.uuid, source)


def _of_status(cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
    status = read(f"{cycle.host.procfs}/{process.guest.pid}/status")
    fields = (status_field(status, name) for name in STATUS)
    sizes = tuple(None if size is None else parse_kilobytes(size) for size in fields)
    if is_known(sizes):
        yield Row(OF_STATUS, sizes, (process.guest.uuid,))


def _of_group(cycle: Cycle, process: GuestProcess) -> Huge:
    return huge_of_group(cycle.host, process) or Huge(None, None)


def _of_rollup(sums: Mapping[str, int]) -> Huge:
    return Huge(sums.get("AnonHugePages"), sums.get("ShmemPmdMapped"))
