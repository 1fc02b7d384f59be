"""Losses in the node's network stack that guests feel: backlog drops, exhausted budgets, full conntrack.

net/core/net-procfs.c (softnet_stat); https://docs.kernel.org/networking/nf_conntrack-sysctl.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_SOFTNET = "/proc/net/softnet_stat, summed over CPUs, "
_count = partial(Metric, "net", kind=Kind.COUNTER)

DROPPED = _count(
    "softnet_dropped",
    "Packets dropped because a CPU's backlog was full: raise net.core.netdev_max_backlog, or spread the "
    "interrupts (RSS, RPS).",
    _SOFTNET + "second field",
)
SQUEEZED = _count(
    "softnet_squeezed",
    "Times a CPU stopped receiving because its budget was used up with packets left: net.core.netdev_budget.",
    _SOFTNET + "third field",
)
CONNTRACK = Metric(
    "net",
    "conntrack_entries",
    "Connections tracked, of all guests with security groups together.",
    "/proc/sys/net/netfilter/nf_conntrack_count",
)
CONNTRACK_MAX = Metric(
    "net",
    "conntrack_limit",
    "Connections that can be tracked: net.netfilter.nf_conntrack_max.",
    "/proc/sys/net/netfilter/nf_conntrack_max",
)
CONNTRACK_DROPS = _count(
    "conntrack_drops",
    "Packets dropped because their connection could not be tracked: the table is full.",
    "/proc/net/stat/nf_conntrack, drop",
)
CONNTRACK_FAILED = _count(
    "conntrack_insert_failed",
    "Connections that could not be entered: the table is full, or two packets raced (DNS over UDP).",
    "/proc/net/stat/nf_conntrack, insert_failed",
)
CONNTRACK_STAT = {"drop": CONNTRACK_DROPS, "insert_failed": CONNTRACK_FAILED}
CONNTRACK_RATIO = Metric(
    "net",
    "conntrack_used_ratio",
    "Share of the connection table in use; when it is full, new connections of all guests are dropped.",
    "nf_conntrack_count / nf_conntrack_max",
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem(
    "node_net",
    "Network stack of the node",
    (DROPPED, SQUEEZED, CONNTRACK, CONNTRACK_MAX, CONNTRACK_RATIO, CONNTRACK_DROPS, CONNTRACK_FAILED),
    triggers=(
        Trigger(
            "conntrack_full",
            "Node: the connection tracking table is nearly full",
            (CONNTRACK_RATIO,),
            "min(@1,5m)>{$ARGUS.NODE.CONNTRACK.MAX.WARN}",
            Severity.HIGH,
            "capacity",
            "When the table is full, new connections of every guest on the node are dropped. Raise"
            " net.netfilter.nf_conntrack_max or find the guest that opens so many.",
            recovery="max(@1,5m)<={$ARGUS.NODE.CONNTRACK.MAX.WARN}",
            event_name="Node: connection tracking is nearly full (over {$ARGUS.NODE.CONNTRACK.MAX.WARN}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(Macro("ARGUS.NODE.CONNTRACK.MAX.WARN", "85", "Percent of the connection table in use."),),
    graphs=(
        Graph("Packets that the node lost", (DROPPED, SQUEEZED, CONNTRACK_DROPS, CONNTRACK_FAILED)),
        Graph("Connection tracking", (CONNTRACK, CONNTRACK_MAX, CONNTRACK_RATIO)),
    ),
)
