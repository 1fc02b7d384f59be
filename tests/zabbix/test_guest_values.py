"""What a guest uses and waits for, out of what Zabbix keeps of it."""

from __future__ import annotations

from argus.catalogue import guest_cpu, guest_disk, guest_disk_limit, guest_info, guest_nic, guest_throttle
from argus.zabbix.guest_values import STALE_AFTER, Value, Values, usage

NOW = 1_800_000_000


def test_disks_and_interfaces_add_up_and_the_slowest_disk_counts() -> None:
    values: Values = {
        guest_info.NODE: [Value("cmp1", NOW - 3000)],  # texts are stored seldom
        guest_info.NAME: [Value("web", NOW)],
        guest_cpu.TIME: [Value(1.5, NOW)],
        guest_disk.READ_BYTES: [Value(100.0, NOW), Value(20.0, NOW)],
        guest_disk.WRITE_BYTES: [Value(3.0, NOW)],
        guest_disk.READ_LATENCY: [Value(0.01, NOW), Value(0.07, NOW)],
        guest_disk.WRITE_LATENCY: [Value(0.02, NOW)],
        guest_nic.RX_DROPS: [Value(4.0, NOW)],
        guest_nic.TX_DROPS: [Value(1.0, NOW)],
    }
    found = usage("u", values)
    assert (found.host, found.label, found.cpu) == ("cmp1", "web", 1.5)
    assert (found.disk, found.latency, found.drops) == (123.0, 0.07, 5.0)
    assert (found.net, found.steal) == (None, None), "not told is not zero"


def test_who_waits_for_its_own_quota_or_limit_is_nobodys_victim() -> None:
    values: Values = {
        guest_cpu.STEAL_MAX: [Value(0.9, NOW)],
        guest_disk.READ_LATENCY: [Value(0.3, NOW)],
        guest_throttle.RATIO: [Value(0.4, NOW)],
        guest_disk_limit.USED: [Value(0.2, NOW), Value(0.8, NOW)],
    }
    assert (usage("u", values).steal, usage("u", values).latency) == (0.9, 0.3)
    values[guest_throttle.RATIO] = [Value(0.8, NOW)]
    assert (usage("u", values).steal, usage("u", values).latency) == (None, 0.3)
    values[guest_disk_limit.USED] = [Value(0.2, NOW), Value(1.1, NOW)]
    assert usage("u", values).latency is None


def test_a_disk_that_rests_has_no_latency_any_more() -> None:
    old = NOW - int(STALE_AFTER) - 1
    values: Values = {
        guest_cpu.TIME: [Value(1.0, NOW)],
        guest_disk.READ_LATENCY: [Value(3.0, old)],
        guest_disk.WRITE_LATENCY: [Value(0.02, NOW)],
    }
    assert usage("u", values).latency == 0.02
