"""CPU of each guest and vCPU, from the CPU_TOTAL and VCPU groups; steal is derived from vcpu.N.delay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_cpu
from argus.catalogue.model import Row
from argus_agent.columns import Columns, is_known
from argus_agent.cycle import Deltas, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

NANOSECONDS = 1e-9
GUEST = Columns(
    {
        "cpu.time": (guest_cpu.TIME, NANOSECONDS),
        "cpu.user": (guest_cpu.USER, NANOSECONDS),
        "cpu.system": (guest_cpu.SYSTEM, NANOSECONDS),
    }
)
GUEST_METRICS = (*GUEST.metrics, guest_cpu.VCPUS, guest_cpu.STEAL_MAX)
VCPU = Columns(
    {
        "time": (guest_cpu.VCPU_TIME, NANOSECONDS),
        "delay": (guest_cpu.VCPU_DELAY, NANOSECONDS),
        "state": (guest_cpu.VCPU_STATE, 1),
    }
)
VCPU_METRICS = (*VCPU.metrics, guest_cpu.VCPU_HALTED, guest_cpu.VCPU_STEAL)
_OFF = (None,) * len(GUEST.metrics)


class GuestCpu:
    """Keeps the last delay of each vCPU, to say which share of the time it waited."""

    stats = ("CPU_TOTAL", "VCPU")

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield times of guests and vCPUs, and the node's worst steal."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.libvirt.at)
        worst = []
        for guest in cycle.libvirt.guests:
            steals = []
            for vcpu in range(int(guest.number("vcpu.maximum") or 0)):
                known, halted = VCPU.read(guest, f"vcpu.{vcpu}."), _halted(guest, vcpu)
                steal = self._steal((guest.uuid, guest.running_id, vcpu), known[1], elapsed)
                if steal is not None:
                    steals.append(steal)
                values = (*known, halted, steal)
                if is_known(values):
                    yield Row(VCPU_METRICS, values, (guest.uuid, str(vcpu)))
            worst += steals
            times = GUEST.read(guest) if guest.active else _OFF
            values = (*times, guest.number("vcpu.current"), max(steals, default=None))
            if is_known(values):
                yield Row(GUEST_METRICS, values, (guest.uuid,))
        if worst:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.STEAL_MAX.sample(max(worst))

    def _steal(
        self, series: tuple[str, int, int], delay: float | None, elapsed: float | None
    ) -> float | None:
        grown = self._deltas.grown(series, delay)
        if grown is None or not elapsed:
            return None
        return min(1.0, grown / elapsed)  # a slow answer can shift a little delay from one cycle to the next


def _halted(guest: Guest, vcpu: int) -> int | None:
    halted = guest.stats.get(f"vcpu.{vcpu}.halted")  # libvirt's bindings give true and false
    return None if halted is None else int(halted in (True, "yes"))
