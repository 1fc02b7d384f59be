"""Whether the items of Argus' templates work, asked from a real Zabbix."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argus.zabbix.desired import HOST_GROUPS
from stack.polling import wait_until

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

REPORTS = 60.0  # s; a host without values for longer, a node that was taken away, is not looked at

# Enabled items that may be without a value, and why. Whatever else has none is a defect.
WITHOUT_VALUE = {
    "argus.guest.disk.serial": "only Cinder volumes have a serial number",
    "argus.guest.throttle": "only a guest with a CPU quota is throttled",
    "argus.guest.memory_events": "the guest's memory cgroup exists under systemd-machined only",
    "argus.guest.pressure": "pressure of a cgroup needs cgroup v2",
    "argus.guest.io": "accounted once the guest's cgroup has an I/O controller",
    "argus.guest.memory": "some values come from a balloon driver that reports",
    "argus.guest.disk.read_latency": "absent without reads",
    "argus.guest.disk.write_latency": "absent without writes",
    "argus.guest.disk.flush_latency": "absent without flushes",
    "argus.node.pressure": "some kinds of pressure need a newer kernel",
    "argus.node.hugepages": "a pool that the node does not have",
    "argus.node.thp.fault_fallback_ratio": "absent without page faults that want a huge page",
    "argus.node.allocation.guest_disk_latency": "absent while no guest's disk does anything",
    "argus.node.allocation.guests_losing": "only guests with a NIC of the node",
    "argus.guest.agent.connected": "only a guest with a channel for qemu-guest-agent",
    "argus.guest.disk.limit_used_ratio": "only a disk with an I/O limit",
    "argus.guest.job": "absent without a migration or another job",
    "argus.guest.kvm": "KVM's counters: not under TCG",
    "argus.guest.tap": "only a NIC with a tap device of the node",
    "argus.node.vhost": "only guests whose packets vhost_net moves",
    "argus.node.nic.speed_bytes": "a virtual NIC says no speed",
    "argus.node.nic.used_ratio": "a share of the speed",
    "argus.node.cpufreq": "the lab's machine may be virtual, without a governor",
    "argus.node.sched": "the kernel's schedstats may be off",
    "argus.guest.get": "the document itself is not kept",
    "argus.node.get": "the document itself is not kept",
}


def items(zabbix: Zabbix) -> list[dict[str, str]]:
    """All enabled items of the hosts of Argus."""
    groups = zabbix.read("hostgroup.get", filter={"name": list(HOST_GROUPS)})
    found: list[dict[str, str]] = zabbix.read(
        "item.get",
        groupids=[group["groupid"] for group in groups],
        monitored=True,
        output=["hostid", "key_", "state", "error", "lastclock"],
    )
    return found


def assert_items_have_values(zabbix: Zabbix, timeout: float = 40) -> None:
    """Each has one or a reason; the first rate of what was just discovered comes with the second document."""

    def unexplained() -> set[str]:
        found = items(zabbix)
        since = time.time() - REPORTS
        alive = {item["hostid"] for item in found if int(item["lastclock"]) > since}
        silent = {i["key_"] for i in found if i["lastclock"] == "0" and i["hostid"] in alive}
        return {key for key in silent if not key.startswith(tuple(WITHOUT_VALUE))}

    if not wait_until(lambda: not unexplained(), timeout=timeout, every=2):
        silent = unexplained()
        assert not silent, sorted(silent)


def in_trouble(zabbix: Zabbix) -> list[tuple[str, str]]:
    """Items and discovery rules that Zabbix calls not supported, with its reason."""
    rules = zabbix.read("discoveryrule.get", output=["key_", "state", "error"], monitored=True)
    ours = [rule for rule in rules if rule["key_"].startswith("argus.")]
    return [(part["key_"], part["error"]) for part in [*items(zabbix), *ours] if part["state"] == "1"]
