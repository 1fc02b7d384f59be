"""Energy that the processors' own meters count (RAPL), and an estimate of what each guest used of it.

https://docs.kernel.org/power/powercap/powercap.html.  The meters model or measure the chip, not the
power supply: fans, disks, cards and losses are not in them.  Since Linux 5.10 only root may read them, since
they betray what a neighbour computes; the agent's unit has CAP_DAC_READ_SEARCH.

A guest's share: over each interval, the energy of all packages together, times the CPU time of the guest's
QEMU over the CPU time that the node could have given (online CPUs times the interval, idle time included).

    guest joules += package joules * guest CPU seconds / (online CPUs * seconds)

* Idle: what the packages use while CPUs are idle stays with the node.  The guests' sum never exceeds the
  packages', and is below it by the node's own work and its idle CPUs; a guest's share does not grow because
  others went away.
* Packages are not told apart: a guest that is pinned to the busier one is charged the mean of all.
* Memory is not shared out: CPU time does not say who used it.
* Frequencies, instructions and SMT are not looked at: in an interval a CPU second costs everybody the same.
* vhost threads of kernels before 6.4 are not QEMU's, and stay with the node.
"""

from __future__ import annotations

from argus.catalogue.model import ENERGY_ZONE, GUEST, Graph, Kind, Metric, Subsystem, Unit

ENERGY = Metric(
    "energy",
    "joules",
    "Energy that the zone used since the agent started: package-N is a processor, package-N/dram its memory "
    "(not in the package), package-N/core and uncore parts of it, psys the whole board where it is metered.",
    "/sys/class/powercap/intel-rapl:*/energy_uj, added up over its wraps",
    ENERGY_ZONE,
    Kind.COUNTER,
    Unit.JOULES,
)
GUEST_ENERGY = Metric(
    "energy",
    "joules",
    "Estimate of the energy that the guest's CPU time used since the agent saw it first; begins again with "
    "the agent. For comparing guests and for reports, not for bills: idle power stays with the node, memory "
    "and devices are left out.",
    "agent: energy of the packages, by the CPU time in /proc/PID/stat over that of all online CPUs",
    GUEST,
    Kind.COUNTER,
    Unit.JOULES,
)

SUBSYSTEM = Subsystem(
    "node_energy",
    "Energy",
    (ENERGY, GUEST_ENERGY),
    graphs=(Graph("Node power: {#ZONE}", (ENERGY,)), Graph("Power of the guest (estimate)", (GUEST_ENERGY,))),
)
