"""CPU time of the node by what it was spent on, summed over all CPUs."""

from __future__ import annotations

from functools import partial

from argus.catalogue import node_cpufreq, node_sched
from argus.catalogue.model import Graph, Kind, Metric, Subsystem, Unit

_seconds = partial(Metric, "cpu", kind=Kind.COUNTER, unit=Unit.SECONDS)
_STAT = "/proc/stat cpu: "
_SUM = " Zabbix shows percent of one CPU, summed over all CPUs."

ONLINE = Metric(
    "cpu",
    "online",
    "CPUs (hardware threads) that are online. Fewer than before: one was taken out, or SMT was turned off.",
    "/sys/devices/system/cpu/online",
)
USED = Metric(
    "cpu",
    "used_ratio",
    "Share of all CPUs that was busy over the agent's last interval: neither idle nor waiting for I/O.",
    "agent, from /proc/stat",
    unit=Unit.RATIO,
)
USER = _seconds("user_seconds", "User mode, including guests." + _SUM, _STAT + "user")
NICE = _seconds(
    "nice_seconds",
    "User mode at low priority: backups and other work of the node.",
    _STAT + "nice",
    shown=False,
)
SYSTEM = _seconds(
    "system_seconds",
    "The kernel: much of it is I/O of guests, exits, or reclaim of memory." + _SUM,
    _STAT + "system",
)
IDLE = _seconds("idle_seconds", "Nothing to do." + _SUM, _STAT + "idle", shown=False)
IOWAIT = _seconds(
    "iowait_seconds",
    "Idle while I/O was outstanding: the storage is what guests wait for." + _SUM,
    _STAT + "iowait",
)
IRQ = _seconds(
    "irq_seconds", "Hardware interrupts: of NICs and disks, mostly." + _SUM, _STAT + "irq", shown=False
)
SOFTIRQ = _seconds(
    "softirq_seconds", "Soft interrupts: mostly network packets of guests." + _SUM, _STAT + "softirq"
)
STEAL = _seconds(
    "steal_seconds",
    "Time the node itself waited for a CPU: above 0 it is a guest of somebody else." + _SUM,
    _STAT + "steal",
)
GUEST = _seconds("guest_seconds", "Running guests with KVM; part of user." + _SUM, _STAT + "guest")

SUBSYSTEM = Subsystem(
    "node_cpu",
    "Node CPU",
    (ONLINE, USED, USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, GUEST),
    graphs=(
        Graph("Node CPU time", (USER, SYSTEM, IOWAIT, SOFTIRQ, STEAL), stacked=True),
        # A virtual machine has no frequencies, and some kernels keep no statistics of run queues.
        Graph("Node CPU used", (USED, node_sched.WAITING, node_cpufreq.MEAN)),
        Graph("CPU of guests", (GUEST, USER), page="Guests"),
    ),
)
