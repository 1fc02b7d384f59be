"""CPU quota of a guest: how often it was stopped by its own limit, which is not the node being busy.

https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Kind, Metric, Subsystem, Unit

_throttle = partial(Metric, "throttle", entity=GUEST)
_STAT = "cpu.stat of the guest's cgroups with a quota, "

PERIODS = _throttle(
    "periods",
    "Enforcement periods in which it wanted to run.",
    _STAT + "nr_periods",
    kind=Kind.COUNTER,
    shown=False,
)
THROTTLED = _throttle(
    "throttled_periods", "Periods in which the quota stopped it.", _STAT + "nr_throttled", kind=Kind.COUNTER
)
SECONDS = _throttle(
    "throttled_seconds",
    "Time it was stopped by its quota, summed over vCPUs.",
    _STAT + "throttled_usec (v2) or throttled_time (v1)",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
RATIO = _throttle(
    "throttled_ratio",
    "Share of the periods since the last sample in which the quota stopped it. High: the flavor's limit,"
    " not the node, makes the guest slow.",
    _STAT + "nr_throttled / nr_periods",
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem("guest_throttle", "CPU quota of the guest", (PERIODS, THROTTLED, SECONDS, RATIO))
