"""Memory of each guest's QEMU process, from /proc/PID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_data
from argus.catalogue.guest_process import ANON_HUGE, GUESTS_RSS, MAJOR_FAULTS, RSS, STATUS
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.in_turn import DEAR, InTurn, SamplesInTurn
from argus_agent.kernel.files import read
from argus_agent.kernel.process import PAGE_BYTES, parse_kilobytes, parse_rollup, status_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


OF_STAT = (RSS, MAJOR_FAULTS)
OF_STATUS = tuple(STATUS.values())


class GuestProcessMemory:
    """Resident, swapped and huge memory, and faults."""

    stats = None

    def __init__(self) -> None:
        self._statuses = SamplesInTurn(_of_status)
        self._rollups = InTurn(_huge, DEAR)

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
        for process, kept in self._rollups.renew(cycle):
            yield ANON_HUGE.sample(kept.value or 0, process.guest.uuid)._replace(at=kept.at)
            yield guest_data.AGE.sample(max(0.0, now - kept.read_at), process.guest.uuid, "smaps_rollup")


def _of_status(cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
    status = read(f"{cycle.host.procfs}/{process.guest.pid}/status")
    fields = (status_field(status, name) for name in STATUS)
    sizes = tuple(None if size is None else parse_kilobytes(size) for size in fields)
    if is_known(sizes):
        yield Row(OF_STATUS, sizes, (process.guest.uuid,))


def _huge(cycle: Cycle, process: GuestProcess) -> int:
    sums = parse_rollup(read(f"{cycle.host.procfs}/{process.guest.pid}/smaps_rollup"))
    return sums["AnonHugePages"]
