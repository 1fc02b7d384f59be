"""CPU quota of each guest, from cpu.stat of its control groups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from argus.catalogue.guest_throttle import PERIODS, RATIO, SECONDS, THROTTLED
from argus_agent.cycle import Cycle, Deltas
from argus_agent.kernel.cgroup import directory
from argus_agent.kernel.files import read
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class GuestThrottle:
    """libvirt sets the quota on each vCPU's own group below the guest's, so all of them are summed."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield periods, seconds and the ratio by guest; nothing for a guest without a quota."""
        self._deltas.turn()
        for process in cycle.running():
            folder = directory(cycle.host.cgroupfs, "cpu", process.cgroups)
            total = _sum(folder) if folder is not None else {}
            if total.get("nr_periods"):
                yield from self._of_guest(total, process.guest.uuid)

    def _of_guest(self, total: dict[str, int], uuid: str) -> Iterator[Sample]:
        yield PERIODS.sample(total["nr_periods"], uuid)
        yield THROTTLED.sample(total["nr_throttled"], uuid)
        nanoseconds = total.get("throttled_time", 0) + total.get("throttled_usec", 0) * 1000
        yield SECONDS.sample(nanoseconds / 1e9, uuid)
        periods = self._deltas.grown((uuid, "periods"), total["nr_periods"])
        throttled = self._deltas.grown((uuid, "throttled"), total["nr_throttled"])
        if periods and throttled is not None:
            yield RATIO.sample(throttled / periods, uuid)


def _sum(folder: str) -> dict[str, int]:
    """Add up cpu.stat of the guest's group and the groups below it that have a quota of their own."""
    total: dict[str, int] = {}
    for group in (folder, *_below(folder), *_below(f"{folder}/libvirt")):
        try:
            counters = parse_counters(read(f"{group}/cpu.stat"))
        except FileNotFoundError:
            continue
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
