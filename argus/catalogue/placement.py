"""How guests are placed on cores and NUMA nodes: what slows neighbours down without any counter saying so.

Two guests on the hyperthreads of one core share its execution units; NetEase measured 30-40 % of SPEC
CPU2006 between good and bad placement of one guest's vCPUs.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import numa
from argus.catalogue.model import (
    NUMA_NODE,
    VCPU,
    Graph,
    Kind,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
    Unit,
)

_placement = partial(Metric, "placement")
_NOW = "agent, from /proc/PID/task/TID/stat (processor) and thread_siblings_list"
_MAY = "agent, from Cpus_allowed_list in /proc/PID/task/TID/status"

SHARED_CORES = _placement(
    "shared_cores", "Cores whose hyperthreads carry vCPUs of different guests right now.", _NOW
)
SHARED_RATIO = _placement(
    "shared_core_ratio",
    "Share of the cores in use whose hyperthreads carry different guests right now.",
    _NOW,
    unit=Unit.RATIO,
)
PINNED_TWICE = _placement(
    "pinned_twice_cpus",
    "CPUs to which vCPUs of more than one guest are pinned one to one: none of them has its own.",
    _MAY,
)
FLOATING_OVER_PINNED = _placement(
    "floating_over_pinned_cpus",
    "CPUs that one guest owns by pinning while vCPUs of others may run there too.",
    _MAY,
)
ON_RESERVED = _placement(
    "guests_on_reserved", "Guests that may run on CPUs kept for the host ([allocation] reserved_cpus).", _MAY
)
ACROSS_NODES = _placement(
    "guests_across_nodes",
    "Guests whose vCPUs run on more than one NUMA node: some of their memory is far. Pin those that "
    "would fit "
    "on one.",
    _NOW,
)
VCPUS_ON_NODE = Metric(
    "numa",
    "vcpus",
    "vCPUs of guests that run on the NUMA node now: compare them with its CPUs.",
    _NOW,
    NUMA_NODE,
)
PROCESSOR = Metric(
    "vcpu",
    "processor",
    "CPU of the node that the vCPU ran on last. It changes all the time unless the vCPU is pinned.",
    _NOW,
    VCPU,
    shown=False,
)
AFFINITY = Metric(
    "vcpu",
    "affinity",
    "CPUs of the node that the vCPU may run on: one for a pinned vCPU, all shared ones for others.",
    _MAY,
    VCPU,
    Kind.INFO,
    shown=False,
)

SUBSYSTEM = Subsystem(
    "placement",
    "Placement of guests",
    (
        SHARED_CORES,
        SHARED_RATIO,
        PINNED_TWICE,
        FLOATING_OVER_PINNED,
        ON_RESERVED,
        ACROSS_NODES,
        VCPUS_ON_NODE,
        PROCESSOR,
        AFFINITY,
    ),
    triggers=(
        Trigger(
            "pinned_twice",
            "Placement: guests are pinned to the same CPUs",
            (PINNED_TWICE,),
            "min(@1,5m)>{$ARGUS.NODE.PINNED.TWICE.MAX}",
            Severity.WARNING,
            "performance",
            "CPUs that were meant to be dedicated are used twice. argus-agent placement on the node names the"
            " guests; move one, or correct its pinning (hw:cpu_policy, vcpupin).",
            recovery="max(@1,5m)<={$ARGUS.NODE.PINNED.TWICE.MAX}",
            event_name="Placement: guests are pinned to the same CPUs (more than "
            "{$ARGUS.NODE.PINNED.TWICE.MAX} "
            "for 5m)",
            opdata="CPUs: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.PINNED.TWICE.MAX", "0", "CPUs pinned by more than one guest that are accepted."),
    ),
    graphs=(
        Graph("Shared cores", (SHARED_RATIO, SHARED_CORES)),
        Graph("Placement of guests", (PINNED_TWICE, FLOATING_OVER_PINNED, ON_RESERVED, ACROSS_NODES)),
        Graph("vCPUs on NUMA node {#NUMA_NODE}", (VCPUS_ON_NODE, numa.CPUS)),
    ),
)
