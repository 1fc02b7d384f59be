"""CPU of each guest and vCPU, from the CPU_TOTAL and VCPU groups.

Steal is derived from vcpu.N.delay, less the time that the guest's own quota stopped it.  Where libvirt tells
no delay (an old libvirt, a QEMU that hangs, no libvirtd at all), the kernel has it of the vCPU's thread, in
/proc/PID/task/TID/schedstat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import allocation, guest_cpu
from argus.catalogue.model import Row
from argus_agent.columns import Columns, Numbers, is_known
from argus_agent.cycle import Deltas, Growth, NoData, Unreadable
from argus_agent.derived import largest, quotient
from argus_agent.guests import Guest
from argus_agent.kept import what_is_wrong
from argus_agent.kernel.quota import Stopped, stopped_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.derived import Derived
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


class _Vcpus(NamedTuple):
    """A guest's vCPUs by number: what libvirt said of each, how it waited, what of that was its quota."""

    known: list[Numbers]
    waited: list[Growth | None]
    own: list[float | None]


class GuestCpu:
    """Keeps the last delay of each vCPU, to say which share of the time it waited for others."""

    stats = ("CPU_TOTAL", "VCPU")

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._limited: set[str] = set()  # guests that have a quota
        self._followed: set[str] = set()  # those that had one at the last tick: they are asked again

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield times of guests and vCPUs, and the node's worst steal."""
        self._deltas.turn(cycle)
        processes = {} if cycle.for_events else _processes(cycle)
        if not cycle.for_events:
            self._followed, self._limited = self._limited, set()
        worst: list[Derived | None] = []
        for guest in _guests(cycle, processes):
            vcpus = self._vcpus(cycle, guest, processes.get(guest.uuid))
            steals = [
                _steal((guest.uuid, number), waited, own)
                for number, (_, waited, own) in enumerate(zip(*vcpus, strict=True))
            ]
            for number, (known, steal) in enumerate(zip(vcpus.known, steals, strict=True)):
                values = (*known, _halted(guest, number), steal)
                if is_known(values):
                    yield Row(VCPU_METRICS, values, (guest.uuid, str(number)))
            times = GUEST.read(guest) if guest.active else _OFF
            values = (*times, guest.number("vcpu.current"), largest(steals))
            if is_known(values):
                yield Row(GUEST_METRICS, values, (guest.uuid,))
            worst += steals
        most = largest(worst)
        if most is not None:
            # Told here, not by the allocation collector: it comes from the same deltas.
            yield allocation.STEAL_MAX.sample(most)

    def _vcpus(self, cycle: Cycle, guest: Guest, process: GuestProcess | None) -> _Vcpus:
        threads = {thread.vcpu: thread for thread in process.threads} if process is not None else {}
        count = guest.number("vcpu.maximum") or 1 + max((n for n in threads if n is not None), default=-1)
        known = [VCPU.read(guest, f"vcpu.{number}.") for number in range(int(count))]
        at = cycle.libvirt.at if guest.read_at is None else guest.read_at
        waited: list[Growth | None] = []
        for number, (_, delay, _) in enumerate(known):
            told = self._deltas.grown((guest.uuid, guest.running_id, number), delay, at)
            thread = threads.get(number)
            if thread is not None and process is not None:
                key = (guest.uuid, process.guest.pid, thread.tid, "thread")
                told = _newer(told, self._deltas.grown(key, thread.delay_seconds, process.read_at))
            waited.append(told)
        return _Vcpus(known, waited, self._own(cycle, guest, process, waited))

    def _own(
        self, cycle: Cycle, guest: Guest, process: GuestProcess | None, waited: Sequence[Growth | None]
    ) -> list[float | None]:
        """Seconds that quotas of the guest stopped each vCPU since the last tick; 0 where there are none."""
        asked = process is not None and (guest.uuid in self._followed or _waits(waited))
        try:
            stopped = _stopped(cycle, process, len(waited)) if process is not None and asked else Stopped()
        except (OSError, ValueError) as error:  # what it waited for itself is not known
            cycle.unread[guest.uuid] = what_is_wrong(error)
            self._limited.add(guest.uuid)
            return [None] * len(waited)
        if process is None or not stopped:
            return [0.0] * len(waited)
        self._limited.add(guest.uuid)
        base = (guest.uuid, process.guest.pid, "stopped")
        joint = self._deltas.grown((*base, "joint"), stopped.joint)
        alone: list[float | None] = [0.0] * len(waited)
        for number, most in stopped.items():
            grown = self._deltas.grown((*base, number), most)
            alone[number] = None if grown is None or joint is None else grown.by - joint.by
        return _with_joint(alone, joint.by if joint is not None else 0.0, waited)


def _with_joint(
    alone: Sequence[float | None], joint: float, waited: Sequence[Growth | None]
) -> list[float | None]:
    """Share what stopped the whole guest out to its vCPUs by what else each of them waited."""
    rest = [max(0.0, w.by - (a or 0.0)) if w is not None else 0.0 for w, a in zip(waited, alone, strict=True)]
    share = joint / sum(rest) if sum(rest) > 0 else 0.0
    return [None if a is None else a + share * r for a, r in zip(alone, rest, strict=True)]


def _newer(libvirt: Growth | None, kernel: Growth | None) -> Growth | None:
    """Take libvirt's, unless it has been silent since: what the kernel told meanwhile is not told twice."""
    if libvirt is None or (kernel is not None and kernel.since > libvirt.since):
        return kernel
    return libvirt


def _waits(waited: Iterable[Growth | None]) -> bool:
    """Whether a vCPU waits, or was not known before."""
    return any(each is None or each.by > WORTH_A_LOOK * each.seconds for each in waited)


def _steal(vcpu: tuple[str, int], waited: Growth | None, own: float | None) -> Derived | None:
    """Of the time; counters are read apart, so that a little may be missing or too much."""
    if waited is None or own is None:
        return None
    return quotient(vcpu, waited.by - own, waited.seconds, most=1.0)


def _guests(cycle: Cycle, processes: Mapping[str, GuestProcess]) -> Iterable[Guest]:
    """Return the guests; those that the kernel knows, without a word of libvirt, where it is silent.

    Raises ``NoData`` where neither knows any.
    """
    if cycle.libvirt.guests is not None:
        return cycle.libvirt.guests
    if not processes:
        raise NoData("libvirt does not answer: guests are not known")
    return [Guest(uuid, process.guest.name) for uuid, process in processes.items()]


def _processes(cycle: Cycle) -> dict[str, GuestProcess]:
    try:
        return {process.guest.uuid: process for process in cycle.running()}
    except (
        NoData,
        Unreadable,
    ):  # no run directory of libvirt's here: all waiting counts, as in the guest's own top
        return {}


def _stopped(cycle: Cycle, process: GuestProcess, vcpus: int) -> Stopped:
    folder = process.folder(cycle.host.cgroupfs, "cpu")
    return stopped_seconds(folder, vcpus) if folder is not None else Stopped()


def _halted(guest: Guest, vcpu: int) -> int | None:
    halted = guest.stats.get(f"vcpu.{vcpu}.halted")  # libvirt's bindings give true and false
    return None if halted is None else int(halted in (True, "yes"))
