"""CPU quota of each guest, from cpu.stat of its control groups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from argus.catalogue.guest_throttle import PERIODS, RATIO, SECONDS, THROTTLED
from argus_agent.cycle import Deltas
from argus_agent.derived import quotient
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.files import is_absence, read_record
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


class GuestThrottle:
    """libvirt sets the quota on each vCPU's own group below the guest's, so all of them are summed."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(self._of_guest)
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield periods, seconds and the ratio by guest; nothing for a guest without a quota."""
        self._deltas.turn(cycle)
        yield from self._turn.collect(cycle)

    def _of_guest(self, cycle: Cycle, process: GuestProcess) -> Iterator[Sample]:
        folder = process.folder(cycle.host.cgroupfs, "cpu")
        total = _sum(folder) if folder is not None else {}
        if not total.get("nr_periods"):
            return
        uuid, periods, throttled = process.guest.uuid, total["nr_periods"], total["nr_throttled"]
        of = (uuid, process.guest.pid)
        grown = [self._deltas.grown((of, n), value) for n, value in enumerate((throttled, periods))]
        yield PERIODS.sample(periods, uuid)
        yield THROTTLED.sample(throttled, uuid)
        nanoseconds = total.get("throttled_time", 0) + total.get("throttled_usec", 0) * 1000
        yield SECONDS.sample(nanoseconds / 1e9, uuid)
        if grown[0] is None or grown[1] is None:
            return
        ratio = quotient(uuid, grown[0].by, grown[1].by)
        if ratio is not None:
            yield RATIO.sample(ratio, uuid)


def _sum(folder: str) -> dict[str, int]:
    """Add up cpu.stat of the guest's group and the groups below it that have a quota of their own."""
    total: dict[str, int] = {}
    for group in (folder, *_below(folder), *_below(f"{folder}/libvirt")):
        try:
            counters = parse_counters(read_record(f"{group}/cpu.stat"))
        except OSError as error:
            if is_absence(error):
                continue
            raise
        for name in ("nr_periods", "nr_throttled", "throttled_time", "throttled_usec"):
            total[name] = total.get(name, 0) + counters.get(name, 0)
    return total


def _below(folder: str) -> list[str]:
    """Return the groups below; none for a group that is not there."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
