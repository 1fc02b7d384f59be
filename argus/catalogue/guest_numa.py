"""Where a guest's memory is, and how much of it is near the CPUs that its vCPUs run on.

Locality = for each vCPU, the share of the memory it looks at that is on the node it ran on last; the mean
over vCPUs.  All of them weigh alike, busy or idle: it is where they were at the moment of the sample, to be
averaged over time, and not how often they went to memory.  A vCPU looks at all of the guest's memory; in a
guest with virtual NUMA, at that of its own cell.  Where a cell's memory is, is known where the kernel tells
cells apart (files named ram-nodeN in numa_maps), where QEMU bound each cell to one node (numatune/memnode,
strict) and the sums agree, or where all memory is on one node; otherwise no locality is told.
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

_MAPS = (
    "memory.numa_stat of its control group, anon + shmem (v1: anon + unevictable); for pages of hugetlbfs "
    "and without a group of its own /proc/PID/numa_maps"
)
_numa = partial(Metric, "numa", entity=GUEST)

BYTES = Metric(
    "numa",
    "bytes",
    "Memory of the guest on this NUMA node. All on one, and its vCPUs there: nothing is remote.",
    _MAPS,
    entity=GUEST_NUMA_NODE,
    unit=Unit.BYTES,
)
SPANNED = _numa("nodes_spanned", "NUMA nodes that hold more than 1 % of the guest's memory.", _MAPS)
LOCAL_RATIO = _numa(
    "local_ratio",
    "Share of the guest's memory that is on the node of the vCPU that looks at it, on average over vCPUs; "
    "with virtual NUMA, of the memory of its cell. Far below 1 means remote memory: pin the guest to one "
    "node or migrate it; one larger than a node wants virtual NUMA (hw:numa_nodes). Absent while it is not "
    "known which cell is where.",
    "agent, from bytes by node, processor in /proc/PID/task/TID/stat, cpu/numa and numatune of the domain",
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
