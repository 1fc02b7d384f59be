"""Collectors of what libvirt tells beside its bulk answer: events, jobs, limits, pools, ages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recorded import G1, G2, cycle_with, recorded_cycle, recorded_guests

from argus.catalogue import (
    guest_data,
    guest_disk_limit,
    guest_events,
    guest_job,
    guest_kvm,
    storage_pool,
)
from argus.catalogue.model import Metric, Value, samples_of
from argus_agent.collectors.guest_data import GuestData
from argus_agent.collectors.guest_disk_limit import GuestDiskLimit
from argus_agent.collectors.guest_events import GuestEvents
from argus_agent.collectors.guest_job import GuestJob
from argus_agent.collectors.guest_kvm import GuestKvm
from argus_agent.collectors.storage_pool import StoragePool
from argus_agent.cycle import Collector, Cycle
from argus_agent.guests import Definition, Detail, Disk, Events, Guest, Pool, SlowFacts, parse_definition

Values = dict[tuple[Metric, tuple[str, ...]], Value]


def collected(collector: Collector, cycle: Cycle) -> Values:
    samples = list(samples_of(collector.collect(cycle)))
    values = {(s.metric, s.labels): s.value for s in samples}
    assert len(values) == len(samples), "each series once"
    return values


def with_view(**changes: object) -> Cycle:
    cycle = cycle_with((Guest("u", "g", 1, {"state.state": 1}),))
    return replace(cycle, libvirt=replace(cycle.libvirt, **changes))  # type: ignore[arg-type]  # by the caller


def test_events_are_told_by_guest_and_a_guest_without_has_zeros() -> None:
    events = Events(listening=True, counts={"u": {"watchdogs": 2, "resumed": 1}}, received=5, lost=3)
    values = collected(GuestEvents(), with_view(events=events))
    assert values[guest_events.WATCHDOGS, ("u",)] == 2
    assert values[guest_events.RESUMED, ("u",)] == 1
    assert values[guest_events.PANICKED, ("u",)] == 0
    assert [values[metric, ()] for metric in (guest_events.LISTENING, guest_events.RECEIVED)] == [1, 5]
    assert values[guest_events.LOST, ()] == 3


def test_before_anybody_listened_there_are_no_counts() -> None:
    values = collected(GuestEvents(), with_view(events=None))
    assert values == {(guest_events.LISTENING, ()): 0}


def test_a_running_migration_is_told_in_base_units() -> None:
    job = {
        "operation": 5,
        "time_elapsed": 2500,
        "data_remaining": 100,
        "memory_dirty_rate": 3,
        "memory_page_size": 4096,
        "auto_converge_throttle": 20,
    }
    values = collected(GuestJob(), with_view(details={"u": Detail(job=job)}))
    assert values[guest_job.ELAPSED, ("u",)] == 2.5
    assert values[guest_job.DIRTY_RATE, ("u",)] == 3 * 4096
    assert values[guest_job.THROTTLE, ("u",)] == pytest.approx(0.2)
    assert (guest_job.MEMORY_RATE, ("u",)) not in values, "not told is not 0"


def test_the_end_of_a_job_comes_from_its_event() -> None:
    events = Events(listening=True, jobs={"u": {"operation": 5, "success": 1, "downtime": 80}})
    values = collected(GuestJob(), with_view(events=events))
    assert values[guest_job.LAST_DOWNTIME, ("u",)] == pytest.approx(0.08)
    assert values[guest_job.LAST_SUCCESS, ("u",)] == 1


def test_limits_are_those_of_the_definition_and_0_is_none() -> None:
    values = collected(GuestDiskLimit(), recorded_cycle())
    assert values[guest_disk_limit.TOTAL_BYTES, (G2, "vda")] == 5 * 1024 * 1024
    assert values[guest_disk_limit.TOTAL_OPS, (G2, "vda")] == 300
    assert values[guest_disk_limit.CACHE, (G2, "vda")] == "none"
    assert (guest_disk_limit.TOTAL_BYTES, (G1, "vda")) not in values
    assert parse_definition(
        "<domain><devices><disk><target dev='a'/><iotune><total_iops_sec>0</total_iops_sec></iotune></disk>"
        "</devices></domain>"
    ).disks == {"a": Disk()}


def limited(ops: int, written: int, at: float) -> Cycle:
    stats: dict[str, float | str] = {"state.state": 1, "block.count": 1, "block.0.name": "vda"}
    counters = {"block.0.rd.reqs": ops, "block.0.wr.reqs": ops, "block.0.wr.bytes": written}
    disk = Disk(limits={"total_iops_sec": 100, "write_bytes_sec": 1000})
    return cycle_with((Guest("u", "g", 1, stats | counters, Definition(disks={"vda": disk})),), at=at)


def test_the_tightest_limit_counts() -> None:
    collector = GuestDiskLimit()
    assert (guest_disk_limit.USED, ("u", "vda")) not in collected(collector, limited(0, 0, 0))
    assert collected(collector, limited(100, 5000, 10))[guest_disk_limit.USED, ("u", "vda")] == 0.5
    assert collected(collector, limited(600, 5000, 20))[guest_disk_limit.USED, ("u", "vda")] == 1.0


def test_a_disk_error_is_told_of_a_paused_guest_and_ends_when_it_runs() -> None:
    (first, *_) = recorded_guests()
    paused = replace(first, stats={**first.stats, "state.state": 3, "state.reason": 5})
    cycle = cycle_with((paused,))
    asked = replace(cycle.libvirt, details={G1: Detail(disk_errors={"vda": 2})})
    values = collected(GuestDiskLimit(), replace(cycle, libvirt=asked))
    assert values[guest_disk_limit.ERROR, (G1, "vda")] == 2
    assert values[guest_disk_limit.ERROR, (G1, "vdb")] == 0
    assert (guest_disk_limit.ERROR, (G1, "vda")) not in collected(GuestDiskLimit(), cycle), "not asked"
    assert collected(GuestDiskLimit(), cycle_with((first,)))[guest_disk_limit.ERROR, (G1, "vda")] == 0


def test_the_chain_of_backing_images_is_counted() -> None:
    xml = (
        "<domain><devices><disk><target dev='vda'/><source file='c'/><backingStore><source file='b'/>"
        "<backingStore><source file='a'/><backingStore/></backingStore></backingStore></disk></devices>"
        "</domain>"
    )
    assert parse_definition(xml).disks["vda"].overlays == 2


def test_kvms_statistics_are_an_allow_list_and_may_be_absent() -> None:
    stats = {"vcpu.maximum": 1, "vcpu.0.exits.sum": 7, "vcpu.0.halt_wait_ns.sum": 5e8, "vcpu.0.new.sum": 1}
    cycle = cycle_with((Guest("u", "g", 1, {**stats, "vm.pages_2m.sum": 3}),))
    values = collected(GuestKvm(), cycle)
    assert values == {
        (guest_kvm.PAGES_2M, ("u",)): 3,
        (guest_kvm.EXITS, ("u", "0")): 7,
        (guest_kvm.HALT_WAIT, ("u", "0")): 0.5,
    }


def test_a_pool_that_does_not_run_has_no_sizes() -> None:
    pools = (Pool("images", 2, 100, 40, 60), Pool("lost", 0, 0, 0, 0))
    values = collected(StoragePool(), with_view(slow=SlowFacts(0.0, pools)))
    assert values[storage_pool.USED, ("images",)] == 0.4
    assert values[storage_pool.STATE, ("lost",)] == 0
    assert (storage_pool.CAPACITY, ("lost",)) not in values


def test_data_of_a_silent_libvirt_ages() -> None:
    collector = GuestData()
    off = Guest("u", "g", -1, {"state.state": 5})
    cycle = cycle_with((off,), at=50.0)
    assert collected(collector, cycle)[guest_data.AGE, ("u", "libvirt")] == 0
    later = replace(cycle_with(None), host=replace(cycle.host, monotonic=lambda: 80.0))
    assert collected(collector, later)[guest_data.AGE, ("u", "libvirt")] == 30


def test_data_without_the_part_of_qemu_are_not_new() -> None:
    collector = GuestData()
    full = recorded_guests()[0]
    collected(collector, cycle_with((full,), at=50.0))
    busy = replace(full, stats={k: v for k, v in full.stats.items() if ".reqs" not in k})
    cycle = cycle_with((busy,), at=60.0)
    cycle = replace(cycle, host=replace(cycle.host, monotonic=lambda: 60.0))
    assert collected(collector, cycle)[guest_data.AGE, (G1, "libvirt")] == 10


def test_slow_answers_about_guests_that_are_gone_are_not_told() -> None:
    slow = SlowFacts(0.0, snapshots={"u": 2, "gone": 1}, dirty_rates={"u": 5.0, "gone": 7.0})
    cycle = with_view(slow=slow)
    assert collected(GuestData(), cycle)[guest_data.SNAPSHOTS, ("u",)] == 2
    assert collected(GuestKvm(), cycle)[guest_kvm.DIRTY_RATE, ("u",)] == 5
    told = [*GuestData().collect(cycle), *GuestKvm().collect(cycle)]
    assert {one.labels[0] for one in told} == {"u"}


def test_a_guest_that_libvirt_has_no_more_is_forgotten() -> None:
    collector = GuestData()
    collected(collector, cycle_with((Guest("u", "g", -1, {"state.state": 5}),), at=50.0))
    assert collected(collector, cycle_with((), at=50.0)) == {}
