"""Where a guest's memory is, and how much of it is near the CPUs that its vCPUs run on.

Locality = pages by node (/proc/PID/numa_maps) weighted by the share of vCPU time spent on each node.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import (
    GUEST,
    GUEST_NUMA_NODE,
    Graph,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
    Unit,
)

_MAPS = "/proc/PID/numa_maps"
_numa = partial(Metric, "numa", entity=GUEST)

BYTES = Metric(
    "numa",
    "bytes",
    "Memory of the guest on this NUMA node. All on one, and its vCPUs there: nothing is remote.",
    _MAPS + ", N<node>= x kernelpagesize_kB",
    entity=GUEST_NUMA_NODE,
    unit=Unit.BYTES,
)
SPANNED = _numa("nodes_spanned", "NUMA nodes that hold more than 1 % of the guest's memory.", _MAPS)
LOCAL_RATIO = _numa(
    "local_ratio",
    "Share of the guest's memory that is on the NUMA nodes its vCPUs run on. Far below 1 means remote memory:"
    " pin the guest to one node or migrate it.",
    _MAPS + " and the processor field of /proc/PID/task/TID/stat",
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem(
    "guest_numa",
    "NUMA placement of the guest",
    (BYTES, SPANNED, LOCAL_RATIO),
    triggers=(
        Trigger(
            "guest_memory_remote",
            "Guest memory is far from its vCPUs",
            (LOCAL_RATIO,),
            "max(@1,30m)<{$ARGUS.GUEST.NUMA.LOCAL.MIN.WARN}",
            Severity.WARNING,
            "performance",
            "Most accesses cross the interconnect. `argus-agent placement` on the node shows the guest;"
            " pin it to one NUMA node or live-migrate it.",
            recovery="min(@1,10m)>={$ARGUS.GUEST.NUMA.LOCAL.MIN.WARN}",
            event_name="Guest memory is far from its vCPUs (under {$ARGUS.GUEST.NUMA.LOCAL.MIN.WARN}% local)",
            opdata="Local: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.NUMA.LOCAL.MIN.WARN", "60", "Percent of a guest's memory that is local, at least."
        ),
    ),
    graphs=(
        Graph("NUMA locality", (LOCAL_RATIO, SPANNED)),
        Graph("Guest memory on NUMA node {#NUMA_NODE}", (BYTES,)),
    ),
)
