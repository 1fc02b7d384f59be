"""CPU time and run-queue delay of a guest's threads by what they do: vCPU, emulator, iothread, vhost.

The split that no libvirt call gives: a vhost thread near one full CPU is the packet limit of a NIC, a
delayed emulator thread is slow disk completion, and neither shows in the vCPU times.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import THREAD_ROLE, Graph, Kind, Metric, Subsystem, Unit

_threads = partial(Metric, "threads", entity=THREAD_ROLE)
_TASK = "/proc/PID/task/TID/"

COUNT = _threads(
    "alive",
    "Threads in this role. Workers of QEMU's emulator come with slow storage.",
    _TASK + "comm",
    shown=False,
)
CPU = _threads(
    "cpu_seconds",
    "CPU time of the threads in this role. A vhost thread that needs a whole CPU limits its NIC.",
    _TASK + "schedstat, first field; without it stat, utime + stime",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
DELAY = _threads(
    "delay_seconds",
    "Time the threads in this role were ready to run but had no CPU: the node is too busy, or pinned badly.",
    _TASK + "schedstat, second field",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
SLICES = _threads(
    "timeslices",
    "Times that a thread in this role was put on a CPU; many for little CPU time is preemption.",
    _TASK + "schedstat, third field",
    kind=Kind.COUNTER,
    shown=False,
)

SUBSYSTEM = Subsystem(
    "guest_threads",
    "Threads of the guest by role",
    (COUNT, CPU, DELAY, SLICES),
    graphs=(Graph("CPU of threads", (CPU, DELAY)),),
)
