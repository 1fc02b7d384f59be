"""Energy by zone over wraps, and each guest's share of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_energy import NodeEnergy, Shares
from argus_agent.cycle import Cycle, NoData, Unreadable
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import Stat
from argus_agent.kernel.rapl import Meter, labelled

FULL = 262_143_328_850  # microjoules, as Intel's processors have it


@pytest.fixture
def host(tmp_path: Path) -> Host:
    put(tmp_path / "sys/devices/system/cpu/online", "0-3")
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run")


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def zone(host: Host, folder: str, name: str, joules: float, full: int | None = FULL) -> None:
    base = host.sysfs / "class/powercap" / folder
    put(base / "name", name)
    put(base / "energy_uj", str(int(joules * 1e6)))
    if full is not None:
        put(base / "max_energy_range_uj", str(full))


def guest(uuid: str, seconds: float, pid: int = 1) -> GuestProcess:
    stat = Stat("qemu", "S", 1, 0, seconds, 0.0, 1, 7, 1, 0)
    return GuestProcess(RunningGuest(uuid, uuid, pid, "running", "booted", {}), stat, {}, ())


def cycle_at(host: Host, at: float, *guests: GuestProcess) -> Cycle:
    return Cycle(replace(host, monotonic=lambda: at), at, running=lambda: guests)


def told(collector: NodeEnergy, host: Host, at: float, *guests: GuestProcess) -> dict[str, Value]:
    return {sample.labels[0]: sample.value for sample in collector.collect(cycle_at(host, at, *guests))}


def test_zones_are_added_up_from_when_the_agent_started(host: Host) -> None:
    collector = NodeEnergy()
    for joules in (1000, 1300):
        zone(host, "intel-rapl:0", "package-0", joules)
        zone(host, "intel-rapl:0:0", "dram", joules / 10)
        zone(host, "intel-rapl:1", "psys", joules * 2)
        zone(host, "intel-rapl-mmio:0", "package-0", joules)  # the same meter by another door
        put(host.sysfs / "class/powercap/intel-rapl/enabled", "1")
        found = told(collector, host, joules / 20)
    assert found == pytest.approx({"package-0": 300, "package-0/dram": 30, "psys": 600})


def test_a_guest_is_charged_its_part_of_all_cpu_time_and_idle_stays_with_the_node(host: Host) -> None:
    collector = NodeEnergy()
    for step, (busy, idle) in enumerate([(100.0, 50.0), (110.0, 50.0), (120.0, 55.0)]):
        zone(host, "intel-rapl:0", "package-0", 400 * step)
        zone(host, "intel-rapl:1", "package-1", 200 * step)
        found = told(collector, host, 10.0 * step, guest("busy", busy), guest("idle", idle))
        if step == 0:
            assert "busy" not in found
    # 600 J in each 10 s of 4 CPUs: 15 J for a CPU second
    assert found["busy"] == pytest.approx(300)
    assert found["idle"] == pytest.approx(75)


def test_a_guest_that_was_started_again_goes_on_from_where_it_was(host: Host) -> None:
    collector = NodeEnergy()
    for step, one in enumerate(
        [guest("u", 5.0), guest("u", 15.0), guest("u", 1.0, pid=2), guest("u", 3.0, pid=2)]
    ):
        zone(host, "intel-rapl:0", "package-0", 400 * step)
        found = told(collector, host, 10.0 * step, one)
    assert found["u"] == pytest.approx(100 + 0 + 20)


def test_between_two_ticks_it_tells_what_it_told_with_the_time_of_that(host: Host) -> None:
    collector = NodeEnergy()
    zone(host, "intel-rapl:0", "package-0", 0)
    told(collector, host, 0.0)
    zone(host, "intel-rapl:0", "package-0", 500)
    cycle = replace(cycle_at(host, 1.0), for_events=True)
    assert [(sample.value, sample.at) for sample in collector.collect(cycle)] == [(0.0, 0.0)]


def test_a_zone_that_may_not_be_read_is_counted_and_no_guest_is_charged(host: Host) -> None:
    collector = NodeEnergy()
    for step in range(2):
        zone(host, "intel-rapl:0", "package-0", 400 * step)
        zone(host, "intel-rapl:1", "package-1", 400 * step)
        path = host.sysfs / "class/powercap/intel-rapl:1/energy_uj"
        path.unlink()
        path.mkdir()  # root may read everything: a folder cannot be read by anybody
        cycle = cycle_at(host, 10.0 * step, guest("u", step))
        samples: list[Sample] = list(collector.collect(cycle))
        path.rmdir()
        assert [Path(name).parent.name for name in cycle.unread_files] == ["intel-rapl:1"]
    assert {sample.labels for sample in samples} == {("package-0",)}


def test_without_the_list_of_cpus_no_guest_is_charged(host: Host) -> None:
    (host.sysfs / "devices/system/cpu/online").write_text("?\n")
    collector = NodeEnergy()
    for step in range(2):
        zone(host, "intel-rapl:0", "package-0", 400 * step)
        found = told(collector, host, 10.0 * step, guest("u", step))
    assert found == {"package-0": 400}


def test_guests_that_may_not_be_looked_at_cost_no_energy_of_the_node(host: Host) -> None:
    def refused() -> tuple[GuestProcess, ...]:
        raise Unreadable("permission denied")

    zone(host, "intel-rapl:0", "package-0", 1)
    assert [s.labels for s in NodeEnergy().collect(Cycle(host, 0.0, running=refused))] == [("package-0",)]


@pytest.mark.parametrize("folder", [None, "class/powercap", "class/powercap/dtpm"])
def test_a_machine_without_meters_tells_nothing(host: Host, folder: str | None) -> None:
    if folder:
        (host.sysfs / folder).mkdir(parents=True)
    with pytest.raises(NoData):
        told(NodeEnergy(), host, 0.0)


def test_dies_and_parts_have_the_names_of_what_they_are_in() -> None:
    names = [
        ("intel-rapl:10", "package-5-die-0"),
        ("intel-rapl:2", "package-1-die-0"),
        ("intel-rapl:2:0", "dram"),
        ("intel-rapl:3", "package-1-die-0"),
    ]
    zones = labelled(names)
    assert [z.label for z in zones] == [
        "package-1-die-0",
        "package-1-die-0/dram",
        "package-1-die-0 (intel-rapl:3)",
        "package-5-die-0",
    ]
    assert [z.is_package for z in zones] == [True, False, True, True]


def test_a_meter_goes_on_over_its_end() -> None:
    meter = Meter()
    assert meter.add(FULL - 1_000_000, FULL, 0.0) is None
    assert meter.add(2_000_000, FULL, 15.0) == pytest.approx(3)
    assert meter.joules == pytest.approx(3)


@pytest.mark.parametrize(
    ("readings", "full"),
    [
        ([(5_000_000, 0.0), (1_000_000, 15.0)], None),  # began again, nobody knows at what
        ([(5_000_000, 0.0), (6_000_000, 3600.0)], FULL),  # may have wrapped between
        ([(5_000_000, 0.0), (None, 15.0)], FULL),
        ([(None, 0.0), (5_000_000, 15.0)], FULL),
        ([(FULL * 3, 0.0), (1_000_000, 15.0)], FULL),
    ],
)
def test_what_is_not_known_is_not_added(readings: list[tuple[int | None, float]], full: int | None) -> None:
    meter = Meter()
    assert [meter.add(reading, full, at) for reading, at in readings][-1] is None
    assert meter.joules == 0.0


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5000),  # joules
            st.floats(0.001, 60),  # seconds
            st.lists(st.floats(0, 500), min_size=3, max_size=3),  # CPU seconds of three guests
        ),
        max_size=8,
    )
)
def test_the_guests_never_get_more_than_there_was(steps: list[tuple[float, float, list[float]]]) -> None:
    shares, now, whole = Shares(), 0.0, 0.0
    totals, before = [0.0] * 3, [0.0] * 3
    shares.add(tuple(guest(str(n), 0.0) for n in range(3)), None, 4, now)
    for joules, seconds, used in steps:
        now, whole = now + seconds, whole + joules
        totals = [total + more for total, more in zip(totals, used, strict=True)]
        found = shares.add(tuple(guest(str(n), total) for n, total in enumerate(totals)), joules, 4, now)
        assert sum(found.values()) <= whole * (1 + 1e-9)
        after = [found[str(n)] for n in range(3)]
        assert all(new >= old for new, old in zip(after, before, strict=True))
        before = after
