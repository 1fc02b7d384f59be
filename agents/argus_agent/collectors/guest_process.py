"""Memory of each guest's QEMU process, from /proc/PID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_process import ANON_HUGE, GUESTS_RSS, MAJOR_FAULTS, STATUS
from argus_agent.kernel.process import parse_kilobytes, parse_rollup
from argus_agent.kernel.slow import InTurn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class GuestProcessMemory:
    """Resident, swapped and huge memory, and faults."""

    stats = None

    def __init__(self) -> None:
        self._rollups = InTurn("smaps_rollup", parse_rollup)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes and faults by guest."""
        processes = {process.guest.uuid: process for process in cycle.running()}
        pids = {uuid: process.guest.pid for uuid, process in processes.items()}
        sizes = [p.status["VmRSS"] for p in processes.values() if "VmRSS" in p.status]
        if len(sizes) == len(processes):
            yield GUESTS_RSS.sample(sum(map(parse_kilobytes, sizes)))
        rollups = self._rollups.renew(cycle.host.procfs, pids)
        for uuid, process in processes.items():
            for name, metric in STATUS.items():
                if name in process.status:
                    yield metric.sample(parse_kilobytes(process.status[name]), uuid)
            yield MAJOR_FAULTS.sample(process.stat.major_faults, uuid)
            if "AnonHugePages" in rollups.get(uuid, {}):
                yield ANON_HUGE.sample(rollups[uuid]["AnonHugePages"], uuid)
