"""What of the node is given to guests, and what is left under the configured allocation ratios.

*Allocated* counts guests that are active (running or paused): they compete for the node now.
*Claimed* counts every guest defined here, stopped ones too: Nova and Placement keep their claim.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_process
from argus.catalogue.model import Graph, Kind, Metric, Subsystem, Unit

_allocation = partial(Metric, "allocation")
_ratio = partial(_allocation, unit=Unit.RATIO)
_bytes = partial(_allocation, unit=Unit.BYTES)
_LIST = "virConnectGetAllDomainStats state.state"
_VCPUS = "virConnectGetAllDomainStats vcpu.current"
_MEMORY = "virConnectGetAllDomainStats balloon.maximum"

GUESTS = _allocation(
    "guests_defined",
    "Guests defined on the node, whatever their state: what Nova must know of it, too.",
    _LIST,
)
GUEST_UUIDS = _allocation(
    "guest_uuids",
    "UUIDs of the guests defined on the node, with spaces: libvirt's side of who is where, which the "
    "correlator compares with Nova's and Placement's.",
    "virConnectGetAllDomainStats",
    kind=Kind.INFO,
    listing=True,
)
RUNNING = _allocation(
    "guests_running", "Guests that run. Fewer at once: see which are missing in the hosts of guests.", _LIST
)
PAUSED = _allocation("guests_paused", "Guests that are paused; they keep their memory.", _LIST)
SUSPENDED = _allocation(
    "guests_suspended",
    "Guests that went to sleep by themselves (S3); they keep their memory, and wake by virsh dompmwakeup.",
    _LIST,
)
SHUTTING_DOWN = _allocation(
    "guests_shutting_down",
    "Guests whose kernel has ended and whose QEMU has not. For long: on_poweroff is preserve, or QEMU hangs.",
    _LIST,
)
STATE_UNKNOWN = _allocation(
    "guests_state_unknown", "Guests whose state libvirt does not say: see its log for their names.", _LIST
)
SHUTOFF = _allocation(
    "guests_shutoff",
    "Guests that are shut off or crashed; they keep their claim and their disks. argus-agent once shows why "
    "each is off.",
    _LIST,
)
CPUS_USABLE = _allocation(
    "cpus_usable",
    "CPUs for guests that share them: online ones without [allocation] reserved_cpus and dedicated_cpus.",
    "/sys/devices/system/cpu/online",
)
VCPUS = _allocation(
    "vcpus_allocated",
    "vCPUs of active guests: what may want to run at once. Compare it with the CPUs.",
    _VCPUS,
)
VCPUS_CLAIMED = _allocation(
    "vcpus_claimed",
    "vCPUs of all guests defined here, stopped ones too, without those that have CPUs of [allocation] "
    "dedicated_cpus to themselves: what Placement counts as VCPU.",
    _VCPUS + ", cputune/vcpupin",
)
VCPUS_FREE = _allocation(
    "vcpus_free",
    "vCPUs that still fit as Placement counts: int(CPUs * cpu_allocation_ratio) - claimed, CPUs being those "
    "that the node has, online or not, without reserved and dedicated ones. Below 0: the ratio was lowered "
    "after guests had come.",
    "agent, from vcpus_claimed and [allocation] cpu_allocation_ratio",
)
VCPU_RATIO = _ratio(
    "vcpu_overcommit_ratio",
    "vCPUs of active guests for each usable CPU: 1 (100 %) is no overcommit. High is fine until steal shows.",
    "agent, vcpus_allocated without dedicated ones / cpus_usable",
)
PCPUS = _allocation("pcpus_dedicated", "CPUs of [allocation] dedicated_cpus: Placement's PCPU.", "agent.conf")
PCPUS_CLAIMED = _allocation(
    "pcpus_claimed",
    "Dedicated CPUs that guests defined here have to themselves, stopped ones too; with one more where the "
    "emulator has its own (hw:emulator_threads_policy).",
    "domain XML, cputune/vcpupin and emulatorpin",
)
PCPUS_FREE = _allocation(
    "pcpus_free",
    "Dedicated CPUs for further guests: pcpus_dedicated - pcpus_claimed. Below 0: two guests share one.",
    "agent, from pcpus_claimed",
)
MEMORY = _bytes("memory_allocated_bytes", "Memory that active guests may use (their maximum).", _MEMORY)
MEMORY_CLAIMED = _bytes(
    "memory_claimed_bytes",
    "Memory of all guests defined here, stopped ones too: what Placement counts.",
    _MEMORY,
)
MEMORY_FREE = _bytes(
    "memory_free_bytes",
    "Memory for further guests as Placement counts: (total - reserved) * ram_allocation_ratio - claimed.",
    "agent, from memory_claimed and [allocation] reserved_memory_mb, ram_allocation_ratio",
)
MEMORY_RATIO = _ratio(
    "memory_overcommit_ratio",
    "Memory promised to active guests of what the node can give: above 1 (100 %) not all of them can use "
    "theirs.",
    "agent, memory_allocated / (MemTotal - reserved)",
)
BALLOONED = _bytes(
    "memory_ballooned_bytes",
    "Memory that balloons hold back from active guests: their maximum less what they have now.",
    "virConnectGetAllDomainStats balloon.maximum, balloon.current",
)
STEAL_MAX = _ratio(
    "guest_steal_max_ratio",
    "Steal of the worst vCPU of all guests here: whether overcommit hurts. Their own quotas are not in it.",
    "agent, from vcpu.N.delay less throttled time in cpu.stat",
)
DISK_LATENCY_MAX = _allocation(
    "guest_disk_latency_max_seconds",
    "Mean time of an operation on the slowest disk of all guests here: whether sharing disks hurts.",
    "agent, from rd.times, wr.times, fl.times and their reqs",
    unit=Unit.SECONDS,
)
GUESTS_LOSING = _allocation(
    "guests_losing_packets",
    "Guests that lost packets at their interfaces since the agent's last cycle: whether sharing the network "
    "and CPUs of the node hurts.",
    "agent, from net.N.rx.drop and net.N.tx.drop",
)

SUBSYSTEM = Subsystem(
    "allocation",
    "Allocation",
    (
        GUESTS,
        GUEST_UUIDS,
        RUNNING,
        PAUSED,
        SUSPENDED,
        SHUTTING_DOWN,
        SHUTOFF,
        STATE_UNKNOWN,
        CPUS_USABLE,
        VCPUS,
        VCPUS_CLAIMED,
        VCPUS_FREE,
        PCPUS,
        PCPUS_CLAIMED,
        PCPUS_FREE,
        VCPU_RATIO,
        MEMORY,
        MEMORY_CLAIMED,
        MEMORY_FREE,
        MEMORY_RATIO,
        BALLOONED,
        STEAL_MAX,
        DISK_LATENCY_MAX,
        GUESTS_LOSING,
    ),
    graphs=(
        Graph("Overcommit", (VCPU_RATIO, MEMORY_RATIO, STEAL_MAX)),
        Graph("vCPUs", (CPUS_USABLE, VCPUS, VCPUS_FREE)),
        Graph("Dedicated CPUs", (PCPUS, PCPUS_CLAIMED, PCPUS_FREE)),
        Graph("Guests", (RUNNING, PAUSED, SUSPENDED, SHUTOFF, GUESTS_LOSING), page="Guests"),
        Graph("What guests wait for", (STEAL_MAX, DISK_LATENCY_MAX), page="Guests"),
        Graph("Memory of guests", (guest_process.GUESTS_RSS, MEMORY, BALLOONED), page="Guests"),
    ),
)
