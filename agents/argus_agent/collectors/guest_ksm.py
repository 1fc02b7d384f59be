"""Samepage merging of each guest, from /proc/PID/ksm_stat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_ksm import FIELDS
from argus.catalogue.model import Row
from argus_agent.columns import is_known
from argus_agent.cycle import Cycle, NoData
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.files import read_record
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.kernel.guests import GuestProcess


METRICS = tuple(FIELDS.values())


class GuestKsm:
    """Kernel 6.1 or later with CONFIG_KSM; the file is readable for root and for CAP_SYS_PTRACE."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_of_guest)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield pages and bytes by guest."""
        if not (cycle.host.procfs / "self/ksm_stat").exists():
            raise NoData("kernel before 6.1, or without CONFIG_KSM")
        yield from self._turn.collect(cycle)


def _of_guest(cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
    counters = parse_counters(read_record(f"{cycle.host.procfs}/{process.guest.pid}/ksm_stat"))
    values = tuple(map(counters.get, FIELDS))
    if is_known(values):
        yield Row(METRICS, values, (process.guest.uuid,))
