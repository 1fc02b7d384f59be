"""Collectors of guests, on libvirt's recorded answers and on answers that lack something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from recorded import G1, G2, G3, cycle_with, recorded_cycle, recorded_guests

from argus.catalogue import (
    allocation,
    guest_cpu,
    guest_disk,
    guest_info,
    guest_memory,
    guest_nic,
    guest_state,
    libvirt,
)
from argus.catalogue.model import Metric, Value, samples_of
from argus_agent.collectors import load_collectors
from argus_agent.collectors.allocation import AllocationOfNode
from argus_agent.collectors.guest_cpu import GuestCpu
from argus_agent.collectors.guest_disk import GuestDisk
from argus_agent.collectors.guest_info import GuestInfo
from argus_agent.collectors.guest_memory import GuestMemory
from argus_agent.collectors.guest_nic import GuestNic
from argus_agent.collectors.guest_state import GuestState
from argus_agent.collectors.libvirt import Libvirt
from argus_agent.cycle import Allocation, Collector, Cycle, NoData
from argus_agent.guests import Guest

Values = dict[tuple[Metric, tuple[str, ...]], Value]


def collected(collector: Collector, cycle: Cycle) -> Values:
    samples = list(samples_of(collector.collect(cycle)))
    values = {(s.metric, s.labels): s.value for s in samples}
    assert len(values) == len(samples), "each series once"
    return values


def guest(stats: Mapping[str, float | str], running_id: int = 1) -> Guest:
    return Guest("u", "g", running_id, stats)


def stats_of(stats: Mapping[str, float | str], at: float = 1000.0) -> Cycle:
    return cycle_with((guest(stats),), at=at)


ALL = sorted(name for name, c in load_collectors().items() if c.stats and name != "libvirt")


@pytest.mark.parametrize("name", ALL)
def test_without_libvirt_nothing_is_known_of_guests(name: str) -> None:
    with pytest.raises(NoData, match="libvirt does not answer"):
        list(load_collectors()[name].collect(cycle_with(None)))


@pytest.mark.parametrize("name", ALL)
def test_a_guest_that_libvirt_tells_nothing_about_has_no_zeros(name: str) -> None:
    cycle = cycle_with((Guest("u", "g"),))
    told = [
        sample
        for sample in samples_of(load_collectors()[name].collect(cycle))
        if sample.metric.entity.of_guest
    ]
    assert {sample.metric.field for sample in told} <= {"info_domain", "info_node"}


def test_state_and_reason_are_one_code() -> None:
    values = collected(GuestState(), stats_of({"state.state": 3, "state.reason": 5}))
    assert values[guest_state.STATE, ("u",)] == 3
    assert values[guest_state.REASON, ("u",)] == 305


def test_a_guest_that_is_off_is_told() -> None:
    values = collected(
        GuestState(), cycle_with((guest({"state.state": 5, "state.reason": 2}, running_id=-1),))
    )
    assert values[guest_state.REASON, ("u",)] == 502


def test_names_come_from_nova_and_libvirt() -> None:
    values = collected(GuestInfo(), recorded_cycle())
    assert values[guest_info.NAME, (G2,)] == 'db "primary" & <größe> №2'
    assert values[guest_info.DOMAIN, (G2,)] == "g2"
    assert values[guest_info.FLAVOR, (G2,)] == "c1.pinned"
    assert values[guest_info.NODE, (G2,)] == "node-1"


def test_a_guest_that_nova_did_not_make_has_libvirts_name() -> None:
    plain = replace(recorded_guests()[0], name="by-hand")
    assert plain.definition is not None
    plain = replace(plain, definition=replace(plain.definition, nova=type(plain.definition.nova)()))
    values = collected(GuestInfo(), cycle_with((plain,)))
    assert values[guest_info.NAME, (G1,)] == "by-hand"
    assert (guest_info.PROJECT, (G1,)) not in values


def test_cpu_time_is_in_seconds() -> None:
    values = collected(GuestCpu(), stats_of({"state.state": 1, "cpu.time": 1_500_000_000}))
    assert values[guest_cpu.TIME, ("u",)] == 1.5


def test_steal_is_the_share_of_the_time_between_two_answers() -> None:
    collector = GuestCpu()
    first = collected(collector, recorded_cycle(0))
    second = collected(collector, recorded_cycle(1))
    assert not [metric for metric, _ in first if metric is guest_cpu.VCPU_STEAL]
    delays = [values[guest_cpu.VCPU_DELAY, (G2, "0")] for values in (first, second)]
    elapsed = recorded_cycle(1).libvirt.at - recorded_cycle(0).libvirt.at
    steal = second[guest_cpu.VCPU_STEAL, (G2, "0")]
    assert steal == pytest.approx((float(delays[1]) - float(delays[0])) / elapsed)
    assert 0 < float(steal) < 1
    worst = [value for (metric, _), value in second.items() if metric is guest_cpu.VCPU_STEAL]
    assert second[allocation.STEAL_MAX, ()] == max(map(float, worst))


def delay(seconds: float | None, at: float, running_id: int = 1) -> Cycle:
    stats = {} if seconds is None else {"vcpu.0.delay": seconds * 1e9}
    return cycle_with((guest({"vcpu.maximum": 1, **stats}, running_id),), at=at)


@pytest.mark.parametrize(
    "then",
    [delay(9, 10, running_id=2), delay(1, 10), delay(None, 10)],
    ids=["restarted: another process counts from 0", "reset", "not told this time"],
)
def test_steal_is_not_told_across_a_break(then: Cycle) -> None:
    collector = GuestCpu()
    collected(collector, delay(5, 0))
    assert (guest_cpu.STEAL_MAX, ("u",)) not in collected(collector, then)


def test_steal_is_never_above_one() -> None:
    collector = GuestCpu()
    collected(collector, delay(0, 0))
    values = collected(collector, delay(11, 10))
    assert values[guest_cpu.STEAL_MAX, ("u",)] == 1


def test_memory_is_in_bytes_and_its_share_is_what_the_guest_cannot_give_up() -> None:
    values = collected(GuestMemory(), recorded_cycle())
    assert values[guest_memory.MAXIMUM, (G1,)] == 96 * 1024 * 1024
    available, usable = values[guest_memory.AVAILABLE, (G1,)], values[guest_memory.USABLE, (G1,)]
    assert values[guest_memory.USED, (G1,)] == pytest.approx(1 - float(usable) / float(available))


def balloon(age: float) -> Cycle:
    stats: dict[str, float | str] = {"state.state": 1, "balloon.maximum": 2048, "balloon.available": 2000}
    return stats_of({**stats, "balloon.usable": 500, "balloon.last-update": 1000 - age})


def test_a_silent_balloon_driver_is_believed_for_a_minute_and_no_longer() -> None:
    fresh, stale = collected(GuestMemory(), balloon(59)), collected(GuestMemory(), balloon(61))
    assert fresh[guest_memory.USED, ("u",)] == 0.75
    assert stale[guest_memory.AGE, ("u",)] == 61
    assert (guest_memory.USED, ("u",)) not in stale
    assert (guest_memory.USABLE, ("u",)) not in stale
    assert stale[guest_memory.MAXIMUM, ("u",)] == 2048 * 1024, "what the node gives is known all the same"


def test_a_report_of_the_future_has_no_age_since_the_clock_stepped_back() -> None:
    assert collected(GuestMemory(), balloon(-2))[guest_memory.AGE, ("u",)] == 0, "clocks differ a little"
    values = collected(GuestMemory(), balloon(-3600))
    assert (guest_memory.AGE, ("u",)) not in values
    assert (guest_memory.USED, ("u",)) not in values


def test_a_driver_that_never_reported_has_no_age() -> None:
    assert (guest_memory.AGE, ("u",)) not in collected(GuestMemory(), balloon(1000))


def test_all_disks_of_a_guest_are_added_up_whatever_they_are_called() -> None:
    names: dict[str, float | str] = {
        f"block.{n}.name": name for n, name in enumerate(("sda", "vdb", "vhost"))
    }
    numbers = {"0.rd.bytes": 300, "0.wr.reqs": 2, "1.rd.bytes": 50, "1.wr.reqs": 5}
    stats = names | {"block.count": 3} | {f"block.{key}": value for key, value in numbers.items()}
    values = collected(GuestDisk(), stats_of(stats))
    assert values[guest_disk.ALL_READ_BYTES, ("u",)] == 350
    assert values[guest_disk.ALL_WRITE_OPS, ("u",)] == 7
    assert (guest_disk.ALL_WRITE_BYTES, ("u",)) not in values


def test_the_slowest_disk_of_each_guest_is_told() -> None:
    collector = GuestDisk()
    times = {"block.0.rd.times": 0.0, "block.1.wr.times": 0.0}
    ops = {"block.0.rd.reqs": 0, "block.1.wr.reqs": 0}
    names: dict[str, float | str] = {"block.count": 2, "block.0.name": "sda", "block.1.name": "sdb"}
    assert (guest_disk.SLOWEST, ("u",)) not in collected(collector, stats_of(names | times | ops))
    times = {"block.0.rd.times": 1e9, "block.1.wr.times": 3e9}
    values = collected(collector, stats_of(names | times | dict.fromkeys(ops, 10)))
    assert values[guest_disk.SLOWEST, ("u",)] == pytest.approx(0.3)


def test_disks_are_named_by_target_device_and_times_are_seconds() -> None:
    values = collected(GuestDisk(), recorded_cycle())
    stats = recorded_guests()[0].stats
    assert values[guest_disk.READ_OPS, (G1, "vda")] == stats["block.0.rd.reqs"]
    assert values[guest_disk.READ_TIME, (G1, "vda")] == float(stats["block.0.rd.times"]) / 1e9
    assert values[guest_disk.SOURCE, (G1, "vdb")] == "/srv/guests/g1-vdb.qcow2"


def test_latency_is_the_mean_of_the_last_interval_and_absent_without_operations() -> None:
    collector = GuestDisk()
    collected(collector, reads(10, 1.0))
    values = collected(collector, reads(14, 3.0))
    assert values[guest_disk.READ_LATENCY, ("u", "vda")] == pytest.approx(0.5)
    assert values[allocation.DISK_LATENCY_MAX, ()] == pytest.approx(0.5)
    rests = collected(collector, reads(14, 3.0))
    assert (guest_disk.READ_LATENCY, ("u", "vda")) not in rests
    assert (allocation.DISK_LATENCY_MAX, ()) not in rests


def reads(number: int, seconds: float) -> Cycle:
    stats: dict[str, float | str] = {"block.count": 1, "block.0.name": "vda", "block.0.rd.reqs": number}
    return stats_of({**stats, "block.0.rd.times": seconds * 1e9})


def test_an_empty_cdrom_drive_has_no_numbers() -> None:
    values = collected(GuestDisk(), stats_of({"block.count": 1, "block.0.name": "sda"}))
    assert values == {}


def test_guests_that_lost_packets_since_the_last_cycle_are_counted() -> None:
    def dropping(*drops: float) -> Cycle:
        nic: dict[str, float | str] = {"net.count": 1, "net.0.name": "tap0", "net.0.rx.drop": 0}
        guests = (Guest(f"u{n}", "g", 1, {**nic, "net.0.tx.drop": lost}) for n, lost in enumerate(drops))
        return cycle_with(tuple(guests))

    collector = GuestNic()
    assert (allocation.GUESTS_LOSING, ()) not in collected(collector, dropping(7, 7, 7)), "no interval yet"
    assert collected(collector, dropping(7, 9, 8))[allocation.GUESTS_LOSING, ()] == 2
    assert collected(collector, dropping(7, 9, 8))[allocation.GUESTS_LOSING, ()] == 0


def test_interfaces_are_named_by_mac_address() -> None:
    values = collected(GuestNic(), recorded_cycle())
    definition = recorded_guests()[0].definition
    assert definition is not None
    ((device, nic),) = definition.nics.items()
    assert values[guest_nic.DEVICE, (G1, nic.mac)] == device
    assert values[guest_nic.SOURCE, (G1, nic.mac)] == "vbr0"
    assert values[guest_nic.TX_BYTES, (G1, nic.mac)] == recorded_guests()[0].stats["net.0.tx.bytes"]


def test_user_networking_has_no_counters() -> None:
    assert not [labels for _, labels in collected(GuestNic(), recorded_cycle()) if labels[0] == G3]


def test_two_interfaces_with_one_mac_address_are_one_series() -> None:
    first = recorded_guests()[0]
    assert first.definition is not None
    ((device, nic),) = first.definition.nics.items()
    twice = replace(
        first,
        stats={"net.count": 2, "net.0.name": device, "net.1.name": "twin", "net.1.rx.bytes": 1},
        definition=replace(first.definition, nics={device: nic, "twin": nic}),
    )
    collected(GuestNic(), cycle_with((twice,)))  # asserts that no series comes twice


def allocated(*guests: Guest, **limits: object) -> dict[Metric, Value]:
    cycle = replace(cycle_with(guests), allocation=Allocation(**limits))  # type: ignore[arg-type]  # by the caller
    return {metric: value for (metric, _), value in collected(AllocationOfNode(), cycle).items()}


def sized(state: int, vcpus: int, mib: int) -> Guest:
    return guest({"state.state": state, "vcpu.current": vcpus, "balloon.maximum": mib * 1024})


def test_a_guest_that_is_off_keeps_its_claim_but_competes_for_nothing() -> None:
    values = allocated(sized(1, 2, 1024), sized(5, 3, 2048))
    assert values[allocation.GUESTS] == 2
    assert values[allocation.RUNNING] == 1
    assert values[allocation.SHUTOFF] == 1
    assert values[allocation.VCPUS] == 2
    assert values[allocation.VCPUS_CLAIMED] == 5
    assert values[allocation.VCPUS_FREE] == 2 * 4 - 5
    assert values[allocation.VCPU_RATIO] == 1.0


def test_what_is_left_is_counted_as_placement_does() -> None:
    values = allocated(sized(1, 1, 1024), cpu_ratio=1.4, ram_ratio=0.5, reserved_memory_bytes=2**30)
    total = 24684092 * 1024
    assert values[allocation.VCPUS_FREE] == int(2 * 1.4) - 1
    assert values[allocation.MEMORY_FREE] == int((total - 2**30) * 0.5) - 2**30
    assert values[allocation.MEMORY_RATIO] == pytest.approx(2**30 / (total - 2**30))


def test_reserved_cpus_are_not_for_guests() -> None:
    values = allocated(sized(1, 3, 1), reserved_cpus=frozenset({0, 7}))
    assert values[allocation.CPUS_USABLE] == 1
    assert values[allocation.VCPU_RATIO] == 3


def test_a_node_that_keeps_all_cpus_has_no_ratio() -> None:
    values = allocated(sized(1, 3, 1), reserved_cpus=frozenset({0, 1}))
    assert allocation.VCPU_RATIO not in values


def test_a_sum_that_lacks_a_guest_is_not_told() -> None:
    values = allocated(sized(1, 2, 1024), guest({"state.state": 1}))
    assert values[allocation.RUNNING] == 2
    assert allocation.VCPUS not in values
    assert allocation.MEMORY_FREE not in values


def test_without_guests_all_is_free_and_nothing_overcommitted() -> None:
    values = allocated()
    assert values[allocation.GUESTS] == 0
    assert values[allocation.VCPUS_FREE] == 8
    assert values[allocation.VCPU_RATIO] == 0


def test_what_balloons_hold_back_is_told_and_who_is_here() -> None:
    half = guest({"state.state": 1, "balloon.maximum": 2**20, "balloon.current": 2**19})
    off = guest({"state.state": 5, "balloon.maximum": 2**20, "balloon.current": 0})
    values = allocated(half, off)
    assert values[allocation.BALLOONED] == 2**29
    assert values[allocation.GUEST_UUIDS] == " ".join(sorted((half.uuid, off.uuid)))
    assert allocated()[allocation.GUEST_UUIDS] == ""
    assert allocation.BALLOONED not in allocated(sized(1, 2, 1024))


def test_a_libvirt_that_does_not_answer_is_told_as_down() -> None:
    values = collected(Libvirt(), cycle_with(None))
    assert values[libvirt.UP, ()] == 0
