"""CPU of a guest and of each of its vCPUs: what they used and how long they waited for a CPU."""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_kvm, guest_throttle
from argus.catalogue.model import GUEST, VCPU, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_cpu = partial(Metric, "cpu", entity=GUEST)
_vcpu = partial(Metric, "vcpu", entity=VCPU)
_STATS = "virConnectGetAllDomainStats "

TIME = Metric(
    "cpu",
    "time_seconds",
    "CPU time of the whole guest: vCPUs, emulator and I/O threads. Zabbix shows percent of one CPU.",
    _STATS + "cpu.time",
    GUEST,
    Kind.COUNTER,
    Unit.SECONDS,
)
USER = Metric(
    "cpu",
    "user_seconds",
    "The part of it that ran in user mode of the host, which includes the guest's own code under TCG.",
    _STATS + "cpu.user",
    GUEST,
    Kind.COUNTER,
    Unit.SECONDS,
)
SYSTEM = Metric(
    "cpu",
    "system_seconds",
    "The part of it that ran in the host's kernel: I/O, exits, memory management.",
    _STATS + "cpu.system",
    GUEST,
    Kind.COUNTER,
    Unit.SECONDS,
)
VCPUS = _cpu(
    "vcpus",
    "vCPUs that the guest has now. Its CPU time can reach 100 % of each.",
    _STATS + "vcpu.current",
)
STEAL_MAX = _cpu(
    "steal_max_ratio",
    "Steal of the guest's worst vCPU: the share of wall time it could have run but waited for a CPU of the "
    "node. What its own quota stopped is not in it.",
    "agent, from vcpu.N.delay (/proc/PID/task/TID/schedstat) less cpu.stat of its control groups",
    unit=Unit.RATIO,
)

VCPU_TIME = Metric(
    "vcpu",
    "time_seconds",
    "CPU time of the vCPU's thread. A vCPU at 100 % beside idle ones is a single-threaded bottleneck.",
    _STATS + "vcpu.N.time",
    VCPU,
    Kind.COUNTER,
    Unit.SECONDS,
)
VCPU_DELAY = Metric(
    "vcpu",
    "delay_seconds",
    "Time the vCPU's thread was ready to run and waited. libvirt's vcpu.N.wait is not this (and often 0).",
    _STATS + "vcpu.N.delay",
    VCPU,
    Kind.COUNTER,
    Unit.SECONDS,
)
VCPU_STEAL = _vcpu(
    "steal_ratio",
    "Share of wall time the vCPU was ready to run but waited for others, over the agent's last interval: "
    "VMware's CPU ready. The guest's own top (st) counts what its quota (cputune) stopped as well.",
    "agent, from vcpu.N.delay less throttled time in cpu.stat",
    unit=Unit.RATIO,
)
VCPU_STATE = _vcpu(
    "state",
    "What libvirt says about the vCPU. Offline: the guest has unplugged it.",
    _STATS + "vcpu.N.state",
    kind=Kind.STATE,
    states={0: "offline", 1: "running", 2: "blocked"},
    shown=False,
)
VCPU_HALTED = _vcpu(
    "halted",
    "Whether the vCPU was idle when it was looked at.",
    _STATS + "vcpu.N.halted",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
    shown=False,
)

WARN = Macro("ARGUS.GUEST.STEAL.MAX.WARN", "10", "Steal of the worst vCPU in percent that deserves a look.")
CRIT = Macro(
    "ARGUS.GUEST.STEAL.MAX.CRIT", "25", "Steal of the worst vCPU in percent that users feel as a slow guest."
)
_WHAT_TO_DO = (
    "The guest's vCPUs wait for CPUs of the node. Compare the node's vCPU overcommit ratio: move guests "
    "away or lower cpu_allocation_ratio. Its own quota is not the reason, which is not counted here."
)

SUBSYSTEM = Subsystem(
    "guest_cpu",
    "CPU",
    (TIME, USER, SYSTEM, VCPUS, STEAL_MAX, VCPU_TIME, VCPU_DELAY, VCPU_STEAL, VCPU_STATE, VCPU_HALTED),
    triggers=(
        Trigger(
            "guest_steal_critical",
            "vCPU steal is very high",
            (STEAL_MAX,),
            "avg(@1,5m)>{$ARGUS.GUEST.STEAL.MAX.CRIT}",
            Severity.HIGH,
            "performance",
            _WHAT_TO_DO,
            recovery="avg(@1,5m)<0.8*{$ARGUS.GUEST.STEAL.MAX.CRIT}",
            event_name="vCPU steal is very high (over {$ARGUS.GUEST.STEAL.MAX.CRIT}% for 5m)",
            opdata="Now: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "guest_steal_high",
            "vCPU steal is high",
            (STEAL_MAX,),
            "avg(@1,5m)>{$ARGUS.GUEST.STEAL.MAX.WARN}",
            Severity.WARNING,
            "performance",
            _WHAT_TO_DO,
            recovery="avg(@1,5m)<0.8*{$ARGUS.GUEST.STEAL.MAX.WARN}",
            event_name="vCPU steal is high (over {$ARGUS.GUEST.STEAL.MAX.WARN}% for 5m)",
            opdata="Now: {ITEM.LASTVALUE1}",
            depends_on=("guest_steal_critical",),
        ),
    ),
    macros=(WARN, CRIT),
    graphs=(
        Graph("Guest CPU", (TIME, USER, SYSTEM, guest_kvm.POLL_FAIL)),
        # Side by side: whether the node or its own quota makes it wait.
        Graph("Guest steal", (STEAL_MAX, guest_throttle.RATIO)),
        Graph("vCPU time, delay and exits", (VCPU_TIME, VCPU_DELAY, VCPU_STEAL, guest_kvm.EXITS)),
    ),
)
