"""CPU time of each NUMA node: one full node beside an idle one does not show in the node's sum."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import NUMA_NODE, Graph, Kind, Metric, Subsystem, Unit

_cpu = partial(Metric, "numa", entity=NUMA_NODE, kind=Kind.COUNTER, unit=Unit.SECONDS)
_STAT = "/proc/stat, summed over the CPUs of the NUMA node: "

USER = _cpu(
    "cpu_user_seconds",
    "User mode, guests included. One NUMA node full beside an idle one: pin guests to the other.",
    _STAT + "user + nice",
)
SYSTEM = _cpu(
    "cpu_system_seconds",
    "The kernel and interrupts: those of a NIC or disk come to the NUMA node that it is plugged into.",
    _STAT + "system + irq + softirq",
)
IDLE = _cpu(
    "cpu_idle_seconds",
    "Nothing to do, or waiting for I/O: room for guests on this NUMA node.",
    _STAT + "idle + iowait",
)
STEAL = _cpu(
    "cpu_steal_seconds",
    "Waiting for a CPU of a hypervisor below: above 0 the node is a guest itself.",
    _STAT + "steal",
    shown=False,
)

SUBSYSTEM = Subsystem(
    "numa_cpu",
    "CPU of NUMA nodes",
    (USER, SYSTEM, IDLE, STEAL),
    graphs=(Graph("NUMA CPU", (USER, SYSTEM, IDLE), stacked=True),),
)
