"""Run queues of the node: how long tasks that could run had to wait for a CPU.

Documentation/scheduler/sched-stats.rst; needs CONFIG_SCHEDSTATS.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Kind, Metric, Subsystem, Unit

_sched = partial(Metric, "sched", kind=Kind.COUNTER)
_FILE = "/proc/schedstat cpuN, summed: "

WAITING = _sched(
    "waiting_seconds",
    "Time that tasks spent ready to run but without a CPU: what all guests together lose.",
    _FILE + "field 8",
    unit=Unit.SECONDS,
)
RUNNING = _sched(
    "running_seconds",
    "Time that tasks spent on CPUs: what the node did, guests and all.",
    _FILE + "field 7",
    unit=Unit.SECONDS,
    shown=False,
)
SLICES = _sched(
    "timeslices",
    "Times that a task was put on a CPU; many for little CPU time is preemption.",
    _FILE + "field 9",
    shown=False,
)

SUBSYSTEM = Subsystem("node_sched", "Run queues", (WAITING, RUNNING, SLICES))
