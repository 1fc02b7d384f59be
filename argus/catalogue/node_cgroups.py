"""Control groups of the node's guests, all together: which have none, and what outlives a guest's own group.

https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Kind, Metric, Subsystem

_cgroup = partial(Metric, "cgroup")

GUESTS_WITHOUT = _cgroup(
    "guests_without",
    "Guests whose QEMU has no control group of its own for CPU, memory or I/O: what the group counts (I/O, "
    "pressure, memory events, throttling) is not told of them, as it would be that of several. So it is with "
    "session daemons and with cgroup_controllers = [] in qemu.conf; the agent's log names the group. Guests "
    "whose group is not below the agent's own mount of /sys/fs/cgroup count as well.",
    "/proc/PID/cgroup",
    shown=False,
)
OOM_KILLS = _cgroup(
    "oom_kills",
    "Processes killed for want of memory in the control groups that hold the guests' own (machine.slice), "
    "and below, since the agent started. A QEMU that is killed takes its own group and its count with it; "
    "this one stays. The kernel's log names it: raise the limit of its group, or reserve more for the node.",
    "memory.events of the groups above the guests' (version 2), oom_kill",
    kind=Kind.COUNTER,
    shown=False,
)

SUBSYSTEM = Subsystem("node_cgroups", "Control groups of guests", (GUESTS_WITHOUT, OOM_KILLS))
