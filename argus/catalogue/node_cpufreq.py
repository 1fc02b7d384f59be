"""How fast the node's CPUs run, and whether heat slows them: both make every guest slower at once.

https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Kind, Macro, Metric, Severity, Subsystem, Trigger

_freq = partial(Metric, "cpufreq")
_CPU = "/sys/devices/system/cpu/cpu*/"

MEAN = _freq(
    "mean_hertz",
    "Mean frequency of the CPUs. Low under load: heat, a power limit, or the wrong governor slows all "
    "guests.",
    _CPU + "cpufreq/scaling_cur_freq",
)
LOWEST = _freq(
    "lowest_hertz",
    "Frequency of the slowest CPU. Far below the mean under load: one socket is hot.",
    _CPU + "cpufreq/scaling_cur_freq",
    shown=False,
)
GOVERNOR = _freq(
    "governor",
    "What decides about frequencies; hosts of guests want performance.",
    _CPU + "cpufreq/scaling_governor",
    kind=Kind.INFO,
)
THROTTLES = _freq(
    "throttles",
    "Times that a core was slowed since it was hot, over all cores; threads of a core count once.",
    _CPU + "thermal_throttle/core_throttle_count",
    kind=Kind.COUNTER,
)
PACKAGE_THROTTLES = _freq(
    "package_throttles",
    "Times that a whole socket was slowed since it was hot, over all sockets.",
    _CPU + "thermal_throttle/package_throttle_count",
    kind=Kind.COUNTER,
    shown=False,
)

SUBSYSTEM = Subsystem(
    "node_cpufreq",
    "CPU frequency",
    (MEAN, LOWEST, GOVERNOR, THROTTLES, PACKAGE_THROTTLES),
    triggers=(
        Trigger(
            "cpu_throttled",
            "Node: CPUs are slowed by heat",
            (THROTTLES,),
            "min(@1,10m)>{$ARGUS.NODE.THROTTLES.MAX.WARN}",
            Severity.WARNING,
            "performance",
            "Cores have been throttled all the time for 10 minutes: every guest on the node is slow. Look at "
            "fans, air flow and the room; move guests away.",
            recovery="max(@1,10m)<={$ARGUS.NODE.THROTTLES.MAX.WARN}",
            event_name="Node: CPUs are slowed by heat (over {$ARGUS.NODE.THROTTLES.MAX.WARN} times a "
            "second for "
            "10m)",
            opdata="Now: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(Macro("ARGUS.NODE.THROTTLES.MAX.WARN", "0", "Thermal throttles per second that are accepted."),),
)
