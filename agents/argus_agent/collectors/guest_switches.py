"""Involuntary context switches of each guest's vCPUs, from /proc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_switches import INVOLUNTARY
from argus_agent.in_turn import FIVE_MINUTES, SamplesInTurn
from argus_agent.kernel.files import read
from argus_agent.kernel.guests import Role
from argus_agent.kernel.numbers import parse_integer
from argus_agent.kernel.process import status_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

FIELD = "nonvoluntary_ctxt_switches"


class GuestSwitches:
    """Rarely: the kernel writes a page of text for each thread.  An unplugged vCPU begins the sum again."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_switches, FIVE_MINUTES)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield the sum over all vCPUs by guest."""
        yield from self._turn.collect(cycle)


def _switches(cycle: Cycle, process: GuestProcess) -> Iterator[Sample]:
    """A sum over some of the vCPUs would be too small: one that cannot be read costs the guest's."""
    base = f"{cycle.host.procfs}/{process.guest.pid}/task"
    fields = [
        status_field(read(f"{base}/{thread.tid}/status"), FIELD)
        for thread in process.threads
        if thread.role is Role.VCPU
    ]
    counts = [parse_integer(field) for field in fields if field is not None]
    if counts and len(counts) == len(fields):
        yield INVOLUNTARY.sample(sum(counts), process.guest.uuid)
