"""CPU of each guest and vCPU, from the CPU_TOTAL and VCPU groups.

Steal is derived from vcpu.N.delay, less the time that the guest's own quota stopped it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_cpu
from argus.catalogue.model import Row
from argus_agent.columns import Columns, is_known
from argus_agent.cycle import Deltas, NoData, Unreadable
from argus_agent.kernel.quota import stopped_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest
    from argus_agent.kernel.guests import GuestProcess

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
WORTH_A_LOOK = 0.01  # of the time: who waits less is asked for a quota once, as it costs files to read
_OFF = (None,) * len(GUEST.metrics)


class GuestCpu:
    """Keeps the last delay of each vCPU, to say which share of the time it waited for others."""

    stats = ("CPU_TOTAL", "VCPU")

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._limited: set[str] = set()  # guests that had a quota in the last cycle: they are asked again

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield times of guests and vCPUs, and the node's worst steal."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.libvirt.at)
        processes = _processes(cycle)
        followed, self._limited = self._limited, set()
        worst = []
        for guest in cycle.libvirt.guests:
            vcpus = [VCPU.read(guest, f"vcpu.{n}.") for n in range(int(guest.number("vcpu.maximum") or 0))]
            waited = self._waited(guest, [known[1] for known in vcpus])
            asked = guest.uuid in followed or _waits(waited, elapsed)
            stopped = _stopped(cycle, processes.get(guest.uuid), len(vcpus)) if asked else {}
            if stopped:
                self._limited.add(guest.uuid)
            own = [self._own(guest, vcpu, stopped) for vcpu in range(len(vcpus))]
            steals = [_share(*both, elapsed) for both in zip(waited, own, strict=True)]
            for number, (known, steal) in enumerate(zip(vcpus, steals, strict=True)):
                values = (*known, _halted(guest, number), steal)
                if is_known(values):
                    yield Row(VCPU_METRICS, values, (guest.uuid, str(number)))
            told = [steal for steal in steals if steal is not None]
            worst += told
            times = GUEST.read(guest) if guest.active else _OFF
            values = (*times, guest.number("vcpu.current"), max(told, default=None))
            if is_known(values):
                yield Row(GUEST_METRICS, values, (guest.uuid,))
        if worst:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.STEAL_MAX.sample(max(worst))

    def _waited(self, guest: Guest, delays: Sequence[float | None]) -> list[float | None]:
        """Seconds that each vCPU was ready to run and did not, since the last cycle."""
        return [
            self._deltas.grown((guest.uuid, guest.running_id, vcpu), delay)
            for vcpu, delay in enumerate(delays)
        ]

    def _own(self, guest: Guest, vcpu: int, stopped: Mapping[int, float]) -> float | None:
        """Seconds that a quota stopped the vCPU since the last cycle; 0 where there is none."""
        if vcpu not in stopped:
            return 0.0
        return self._deltas.grown(("stopped", guest.uuid, guest.running_id, vcpu), stopped[vcpu])


def _waits(waited: Sequence[float | None], elapsed: float | None) -> bool:
    """Whether a vCPU waits, or was not known before."""
    return any(each is None or each > WORTH_A_LOOK * (elapsed or 0.0) for each in waited)


def _share(waited: float | None, own: float | None, elapsed: float | None) -> float | None:
    """Of the time: a slow answer shifts a little from one cycle to the next, and counters are read apart."""
    if waited is None or own is None or not elapsed:
        return None
    return min(1.0, max(0.0, (waited - own) / elapsed))


def _processes(cycle: Cycle) -> dict[str, GuestProcess]:
    try:
        return {process.guest.uuid: process for process in cycle.running()}
    except (
        NoData,
        Unreadable,
    ):  # no run directory of libvirt's here: all waiting counts, as in the guest's own top
        return {}


def _stopped(cycle: Cycle, process: GuestProcess | None, vcpus: int) -> dict[int, float]:
    folder = process.folder(cycle.host.cgroupfs, "cpu") if process is not None else None
    return stopped_seconds(folder, vcpus) if folder is not None else {}


def _halted(guest: Guest, vcpu: int) -> int | None:
    halted = guest.stats.get(f"vcpu.{vcpu}.halted")  # libvirt's bindings give true and false
    return None if halted is None else int(halted in (True, "yes"))
