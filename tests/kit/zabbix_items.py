"""Whether the items of Argus' templates work, asked from a real Zabbix."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argus.catalogue import (
    allocation,
    capacity,
    correlator,
    guest_disk,
    guest_disk_limit,
    guest_job,
    guest_kvm,
    guest_memory_events,
    guest_pressure,
    guest_process,
    guest_switches,
    guest_tap,
    guest_throttle,
    node_block,
    node_cpufreq,
    node_energy,
    node_multipath,
    node_nic,
    node_pressure,
    node_sched,
    node_vf,
    node_vhost,
    thp,
)
from argus.render.names import HOSTS, master_key
from argus.zabbix.desired import ALL_GROUPS
from stack.polling import wait_until

if TYPE_CHECKING:
    from argus.catalogue.model import Metric
    from argus.zabbix.api import Zabbix


def bare(key: str) -> str:
    """A key without its parameters, which are what was discovered."""
    return key.partition("[")[0]


ANY = ("argus.service.", "argus.fleet.")
REPORTS = 60.0  # s; a host without values for longer, a node that was taken away, is not looked at

# Enabled items that may be without a value, and why: exactly these. Whatever else has none is a defect.
REASONS: dict[str, tuple[Metric, ...]] = {
    "only Cinder volumes have a serial number": (guest_disk.SERIAL,),
    "absent without operations of the kind": (
        guest_disk.READ_LATENCY,
        guest_disk.WRITE_LATENCY,
        guest_disk.FLUSH_LATENCY,
        guest_disk.SLOWEST,
    ),
    "only a disk with an I/O limit": (guest_disk_limit.USED,),
    "only a guest with a CPU quota is throttled": (guest_throttle.RATIO,),
    "absent without a migration or another job": (
        guest_job.OPERATION,
        guest_job.ELAPSED,
        guest_job.REMAINING,
        guest_job.MEMORY_RATE,
        guest_job.DIRTY_RATE,
    ),
    "absent before the first job ended": (
        guest_job.LAST_OPERATION,
        guest_job.LAST_SUCCESS,
        guest_job.LAST_ELAPSED,
        guest_job.LAST_DOWNTIME,
    ),
    "KVM's counters: not under TCG": (
        guest_kvm.PAGES_4K,
        guest_kvm.PAGES_2M,
        guest_kvm.PAGES_1G,
        guest_kvm.EXITS,
    ),
    "only a NIC with a tap device of the node": (guest_tap.TO_GUEST_DROPS, guest_tap.FROM_GUEST_DROPS),
    "only guests whose packets vhost_net moves": (node_vhost.CPUS, node_vhost.BUSIEST),
    "a virtual NIC says no speed, of which this is a share": (node_nic.USED,),
    "the lab's machine may be virtual, without a governor": (
        node_cpufreq.MEAN,
        node_cpufreq.GOVERNOR,
        node_cpufreq.THROTTLES,
    ),
    "the kernel's schedstats may be off": (node_sched.WAITING,),
    "the kernel may not account what interrupts take": (node_pressure.STALLED["irq", "full"],),
    "pressure of a cgroup needs cgroup v2": tuple(
        guest_pressure.STALLED[resource, "some"] for resource in ("cpu", "memory", "io")
    ),
    "the guest's memory cgroup exists under systemd-machined only": (guest_memory_events.EVENTS["oom_kill"],),
    "argus run, which tells Zabbix 7.0, has no queue": (correlator.QUEUE,),
    "the forecast may be open at its end": (capacity.FULL_LATE,),
    "absent without page faults that want a huge page": (thp.FALLBACK_RATIO,),
    "that a report arrives proves that reporting succeeds": (correlator.TASK_AGE, correlator.TASK_MAY_AGE),
    "the lab's node has no meters of energy (RAPL)": (node_energy.GUEST_ENERGY,),
    "only memory.stat of cgroup v2 counts huge pages of shared memory": (guest_process.SHMEM_HUGE,),
    "only a node with dedicated_cpus": (allocation.PCPUS, allocation.PCPUS_CLAIMED, allocation.PCPUS_FREE),
    "only device-mapper and md have another name in the kernel, and members": (
        node_block.KERNEL_NAME,
        node_block.MEMBERS,
    ),
    "the lab's disks have one path": (
        node_multipath.DEVICES,
        node_multipath.PATHS,
        node_multipath.PATHS_FAILED,
        node_multipath.DEGRADED,
        node_multipath.LOST,
        node_multipath.AFFECTED,
    ),
    "read every five minutes: a new guest's rate comes later than a test waits": (
        guest_switches.INVOLUNTARY,
    ),
    "only a card with virtual functions": (node_vf.FUNCTIONS, node_vf.FUNCTIONS_OF_GUESTS),
}
WITHOUT_VALUE = {
    # the documents themselves are not kept
    **{master_key(host): "not kept" for host in HOSTS},
    **{bare(metric.zabbix_key): why for why, metrics in REASONS.items() for metric in metrics},
}


def items(zabbix: Zabbix) -> list[dict[str, str]]:
    """All enabled items of the hosts of Argus."""
    groups = zabbix.read("hostgroup.get", filter={"name": list(ALL_GROUPS)})
    found: list[dict[str, str]] = zabbix.read(
        "item.get",
        groupids=[group["groupid"] for group in groups],
        monitored=True,
        output=["hostid", "key_", "state", "error", "lastclock"],
    )
    return found


def assert_items_have_values(zabbix: Zabbix, timeout: float = 40) -> None:
    """Each has one or a reason; the first rate of what was just discovered comes with the second document."""
    if not wait_until(lambda: not _unexplained(zabbix), timeout=timeout, every=2):
        silent = _unexplained(zabbix)
        assert not silent, sorted(silent)


def _unexplained(zabbix: Zabbix) -> set[str]:
    """On each node and guest; of services and fleets, of which one may be known less well, on any."""
    found = items(zabbix)
    since = time.time() - REPORTS
    alive = {item["hostid"] for item in found if int(item["lastclock"]) > since}
    told = {bare(item["key_"]) for item in found if item["lastclock"] != "0"}
    silent = {item["key_"] for item in found if item["lastclock"] == "0" and item["hostid"] in alive}
    elsewhere = {key for key in silent if key.startswith(ANY) and bare(key) in told}
    return {key for key in silent - elsewhere if bare(key) not in WITHOUT_VALUE}


def in_trouble(zabbix: Zabbix) -> list[tuple[str, str]]:
    """Items and discovery rules that Zabbix calls not supported, with its reason."""
    rules = zabbix.read("discoveryrule.get", output=["key_", "state", "error"], monitored=True)
    ours = [rule for rule in rules if rule["key_"].startswith("argus.")]
    return [(part["key_"], part["error"]) for part in [*items(zabbix), *ours] if part["state"] == "1"]
