"""CPU quota of a guest: how often it was stopped by its own limit, which is not the node being busy.

https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_throttle = partial(Metric, "throttle", entity=GUEST)
_STAT = "cpu.stat of the guest's cgroups with a quota, "

PERIODS = _throttle(
    "periods",
    "Enforcement periods in which it wanted to run: what the stopped ones are a share of.",
    _STAT + "nr_periods",
    kind=Kind.COUNTER,
    shown=False,
)
THROTTLED = _throttle(
    "throttled_periods",
    "Periods in which the quota stopped it: the flavor's limit, not the node, made it wait.",
    _STAT + "nr_throttled",
    kind=Kind.COUNTER,
    shown=False,
)
SECONDS = _throttle(
    "throttled_seconds",
    "Time it was stopped by its quota, summed over vCPUs.",
    _STAT + "throttled_usec (v2) or throttled_time (v1)",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
    shown=False,
)
RATIO = _throttle(
    "throttled_ratio",
    "Share of the periods since the last sample in which the quota stopped it. High: the flavor's limit,"
    " not the node, makes the guest slow.",
    _STAT + "nr_throttled / nr_periods",
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem(
    "guest_throttle",
    "CPU quota of the guest",
    (PERIODS, THROTTLED, SECONDS, RATIO),
    triggers=(
        Trigger(
            "guest_throttled",
            "Guest is stopped by its own CPU quota",
            (RATIO,),
            "avg(@1,5m)>{$ARGUS.GUEST.THROTTLED.MAX.WARN}",
            Severity.INFO,
            "performance",
            "The guest uses all the CPU time that its flavor allows (quota:cpu_quota, cputune), and "
            "waits for "
            "the rest: the node is not to blame, and moving it helps nothing. Its owner takes a larger "
            "flavor "
            "or runs less; the quota may also be too small for its vCPUs.",
            recovery="avg(@1,5m)<0.8*{$ARGUS.GUEST.THROTTLED.MAX.WARN}",
            event_name="Guest is stopped by its own CPU quota (over {$ARGUS.GUEST.THROTTLED.MAX.WARN}% "
            "of the "
            "periods for 5m)",
            opdata="Now: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.THROTTLED.MAX.WARN",
            "25",
            "Percent of its periods in which its CPU quota may stop a guest.",
        ),
    ),
)
