"""CPU of each guest and vCPU, from the CPU_TOTAL and VCPU groups; steal is derived from vcpu.N.delay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_cpu
from argus_agent.cycle import Deltas, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

NANOSECONDS = 1e-9
TIMES = {"cpu.time": guest_cpu.TIME, "cpu.user": guest_cpu.USER, "cpu.system": guest_cpu.SYSTEM}
VCPU_TIMES = {"time": guest_cpu.VCPU_TIME, "delay": guest_cpu.VCPU_DELAY}


class GuestCpu:
    """Keeps the last delay of each vCPU, to say which share of the time it waited."""

    stats = ("CPU_TOTAL", "VCPU")

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield times of guests and vCPUs, and the node's worst steal."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.libvirt.at)
        worst = []
        for guest in cycle.libvirt.guests:
            yield from _whole(guest)
            steals = []
            for vcpu in range(int(guest.number("vcpu.maximum") or 0)):
                yield from _vcpu(guest, vcpu)
                steal = self._steal(guest, vcpu, elapsed)
                if steal is not None:
                    steals.append(steal)
                    yield guest_cpu.VCPU_STEAL.sample(steal, guest.uuid, str(vcpu))
            if steals:
                worst.append(max(steals))
                yield guest_cpu.STEAL_MAX.sample(max(steals), guest.uuid)
        if worst:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.STEAL_MAX.sample(max(worst))

    def _steal(self, guest: Guest, vcpu: int, elapsed: float | None) -> float | None:
        key = (guest.uuid, guest.running_id, vcpu)
        delay = self._deltas.grown(key, guest.number(f"vcpu.{vcpu}.delay", NANOSECONDS))
        if delay is None or not elapsed:
            return None
        return min(1.0, delay / elapsed)  # a slow answer can shift a little delay from one cycle to the next


def _whole(guest: Guest) -> Iterator[Sample]:
    for key, metric in TIMES.items():
        seconds = guest.number(key, NANOSECONDS)
        if seconds is not None and guest.active:
            yield metric.sample(seconds, guest.uuid)
    vcpus = guest.number("vcpu.current")
    if vcpus is not None:
        yield guest_cpu.VCPUS.sample(vcpus, guest.uuid)


def _vcpu(guest: Guest, vcpu: int) -> Iterator[Sample]:
    for key, metric in VCPU_TIMES.items():
        seconds = guest.number(f"vcpu.{vcpu}.{key}", NANOSECONDS)
        if seconds is not None:
            yield metric.sample(seconds, guest.uuid, str(vcpu))
    state = guest.number(f"vcpu.{vcpu}.state")
    if state is not None:
        yield guest_cpu.VCPU_STATE.sample(state, guest.uuid, str(vcpu))
    halted = guest.stats.get(f"vcpu.{vcpu}.halted")  # libvirt's bindings give true and false
    if halted is not None:
        yield guest_cpu.VCPU_HALTED.sample(int(halted in (True, "yes")), guest.uuid, str(vcpu))
