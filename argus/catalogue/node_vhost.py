"""vhost threads of the node: the kernel's workers that move the packets of guests (vhost_net).

drivers/vhost/net.c; one thread a queue pair, a child of its QEMU or, before Linux 6.4, of kthreadd.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Macro, Metric, Severity, Subsystem, Trigger, Unit

_vhost = partial(Metric, "vhost")
_TASK = "/proc/TID/schedstat, first field; without it stat, utime + stime"

THREADS = _vhost(
    "threads",
    "Threads of vhost_net for all guests; 0 where it moves no packets: QEMU does, in its emulator threads.",
    "/proc/TID/comm",
)
CPUS = _vhost("cpus", "CPUs that the vhost threads used together, since the agent's cycle before.", _TASK)
BUSIEST = _vhost(
    "busiest_ratio",
    "Share of one CPU that the busiest vhost thread used. Near 1 its NIC can move no more packets, whatever "
    "the guest does.",
    _TASK,
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem(
    "node_vhost",
    "vhost threads",
    (THREADS, CPUS, BUSIEST),
    triggers=(
        Trigger(
            "vhost_saturated",
            "Node: a vhost thread needs a whole CPU",
            (BUSIEST,),
            "min(@1,5m)>{$ARGUS.NODE.VHOST.BUSY.MAX.WARN}",
            Severity.WARNING,
            "performance",
            "A NIC is at the limit of packets that one thread moves: its guest drops or waits. The threads "
            "of guests by role tell which (role vhost). More queues (hw_vif_multiqueue_enabled), larger "
            "packets, or SR-IOV help; so does a CPU that nobody else uses.",
            recovery="max(@1,5m)<0.9*{$ARGUS.NODE.VHOST.BUSY.MAX.WARN}",
            event_name="Node: a vhost thread needs a whole CPU (over {$ARGUS.NODE.VHOST.BUSY.MAX.WARN}% "
            "for 5m)",
            opdata="Busiest: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.VHOST.BUSY.MAX.WARN",
            "90",
            "Share of a CPU in % from which a vhost thread counts as full.",
        ),
    ),
    graphs=(Graph("vhost threads: CPU", (CPUS, BUSIEST, THREADS)),),
)
