"""Memory of each NUMA node, and how often allocations missed the node that they wanted.

Documentation/ABI/stable/sysfs-devices-node; https://docs.kernel.org/admin-guide/numastat.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import node_vmstat
from argus.catalogue.model import NUMA_NODE, Graph, Kind, Metric, Subsystem, Unit

_NODE = "/sys/devices/system/node/node*/"
_memory = partial(Metric, "numa", entity=NUMA_NODE, unit=Unit.BYTES)
_count = partial(Metric, "numa", entity=NUMA_NODE, kind=Kind.COUNTER)

TOTAL = _memory(
    "total_bytes",
    "Memory of the NUMA node: the largest guest that can be local to it.",
    _NODE + "meminfo, MemTotal",
)
FREE = _memory(
    "free_bytes",
    "Memory of the NUMA node that nothing uses. Gone on one only: guests should be spread.",
    _NODE + "meminfo, MemFree",
)
FILE = _memory("file_bytes", "Page cache on the NUMA node: can be given back.", _NODE + "meminfo, FilePages")
ANON = _memory(
    "anon_bytes", "Anonymous memory on the NUMA node: mostly guests.", _NODE + "meminfo, AnonPages"
)
HIT = _count(
    "hit_pages",
    "Pages allocated where they were wanted: what the misses are to be compared with.",
    _NODE + "numastat, numa_hit",
    shown=False,
)
MISS = _count(
    "miss_pages",
    "Pages allocated here although another node was wanted: that one was full.",
    _NODE + "numastat, numa_miss",
)
FOREIGN = _count(
    "foreign_pages",
    "Pages wanted here but allocated elsewhere: this node is full.",
    _NODE + "numastat, numa_foreign",
)
OTHER = _count(
    "other_pages",
    "Pages allocated here by a task that ran on another node: its accesses are remote.",
    _NODE + "numastat, other_node",
)
CPUS = Metric(
    "numa",
    "cpus",
    "Online CPUs of the NUMA node: compare them with the vCPUs that run there.",
    _NODE + "cpulist",
    entity=NUMA_NODE,
)
DISTANCES = Metric(
    "numa",
    "distances",
    "Cost of reaching each NUMA node from this one, 10 being itself.",
    _NODE + "distance",
    entity=NUMA_NODE,
    kind=Kind.INFO,
    shown=False,
)

MEMINFO = {"MemTotal": TOTAL, "MemFree": FREE, "FilePages": FILE, "AnonPages": ANON}
NUMASTAT = {"numa_hit": HIT, "numa_miss": MISS, "numa_foreign": FOREIGN, "other_node": OTHER}

SUBSYSTEM = Subsystem(
    "numa",
    "NUMA nodes",
    (*MEMINFO.values(), *NUMASTAT.values(), CPUS, DISTANCES),
    graphs=(
        Graph("NUMA memory", (FREE, FILE, ANON)),
        Graph("NUMA misses", (MISS, FOREIGN, OTHER)),
        Graph("NUMA balancing", (node_vmstat.NUMA_MIGRATED,)),
    ),
)
