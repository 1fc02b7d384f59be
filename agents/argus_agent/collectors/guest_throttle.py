"""CPU quota of each guest, from cpu.stat of its control groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_throttle import PERIODS, RATIO, SECONDS, THROTTLED
from argus_agent.cycle import Deltas
from argus_agent.derived import quotient
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.files import is_absence, read_record
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

_NO_QUOTA = "nr_periods 0\n"


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
        total = _sum(process.groups(cycle.host.cgroupfs, "cpu"))
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


def _sum(groups: Iterable[str]) -> dict[str, int]:
    """Add up cpu.stat of the guest's group and the groups below it that have a quota of their own."""
    total: dict[str, int] = {}
    for group in groups:
        try:
            text = read_record(f"{group}/cpu.stat")
        except OSError as error:
            if is_absence(error):
                continue
            raise
        if _NO_QUOTA in text:  # nearly always
            continue
        counters = parse_counters(text)
        for name in ("nr_periods", "nr_throttled", "throttled_time", "throttled_usec"):
            total[name] = total.get(name, 0) + counters.get(name, 0)
    return total
