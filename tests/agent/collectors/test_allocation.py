"""Sums over guests, also while one of them does not answer, and CPUs as Placement counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from recorded import cycle_with

from argus.catalogue.model import Value
from argus_agent.collectors.allocation import AllocationOfNode
from argus_agent.cycle import Allocation, Cycle, NoData
from argus_agent.guests import Definition, Guest
from argus_agent.host import Host
from argus_agent.kernel.domain import Size
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import Stat

MIB = 2**20
CHEAP = {"state.state": 1.0}
FULL = {"vcpu.current": 2.0, "balloon.maximum": 1024.0 * 1024, "balloon.current": 512.0 * 1024, **CHEAP}


def guest(uuid: str, stats: Mapping[str, float], running_id: int = 1, size: Size | None = None) -> Guest:
    return Guest(uuid, uuid, running_id, stats, None if size is None else Definition(size=size))


def process(uuid: str, size: Size) -> GuestProcess:
    running = RunningGuest(uuid, uuid, 7, "running", "booted", {}, size=size)
    return GuestProcess(running, Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0), {}, ())


@dataclass
class Node:
    """Eight CPUs, of which those from ``online`` on sleep; one collector for all cycles."""

    root: Path
    limits: Allocation = field(default_factory=lambda: Allocation(cpu_ratio=1.5))
    collector: AllocationOfNode = field(default_factory=AllocationOfNode)
    online: int = 8

    def told(self, *guests: Guest, processes: tuple[GuestProcess, ...] = ()) -> dict[str, Value]:
        (self.root / "proc").mkdir(exist_ok=True)
        if not (self.root / "proc/meminfo").exists():
            (self.root / "proc/meminfo").write_text("MemTotal: 8388608 kB\n")
        for cpu in range(8):
            folder = self.root / f"sys/devices/system/cpu/cpu{cpu}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "online").write_text(f"{int(cpu < self.online)}\n")
        (self.root / "sys/devices/system/cpu/online").write_text(f"0-{self.online - 1}\n")
        host = Host("n", self.root / "proc", self.root / "sys")
        cycle = replace(cycle_with(guests, host=host), allocation=self.limits, running=lambda: processes)
        return {sample.metric.name: sample.value for sample in self.collector.collect(cycle)}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


SUMS = (
    "vcpus_allocated",
    "vcpus_claimed",
    "memory_allocated_bytes",
    "memory_ballooned_bytes",
    "memory_free_bytes",
)


def sums(told: dict[str, Value]) -> list[Value | None]:
    return [told.get(name) for name in SUMS]


def test_a_guest_that_does_not_answer_counts_as_it_was(node: Node) -> None:
    before = sums(node.told(guest("a", FULL), guest("b", FULL)))
    assert before[:3] == [4, 4, 2048 * MIB]
    assert sums(node.told(guest("a", FULL), guest("b", CHEAP))) == before
    assert sums(node.told(guest("a", FULL), guest("b", CHEAP))) == before, "for as long as it takes"


def test_a_guest_that_hung_before_the_agent_came_counts_as_its_status_file_says(node: Node) -> None:
    size = Size(vcpus=3, maximum=256 * MIB, current=128 * MIB)
    told = node.told(guest("a", FULL), guest("b", CHEAP), processes=(process("b", size),))
    assert sums(told)[:4] == [5, 5, 1280 * MIB, 640 * MIB]


def test_a_guest_that_is_off_counts_as_it_is_defined_while_another_hangs(node: Node) -> None:
    off = guest("b", {"state.state": 5.0}, -1, Size(vcpus=3, maximum=256 * MIB))
    told = node.told(guest("a", FULL), off)
    assert (told["vcpus_allocated"], told["vcpus_claimed"]) == (2, 5)


def test_what_an_earlier_run_of_a_guest_had_is_not_what_it_has(node: Node) -> None:
    node.told(guest("a", FULL, running_id=1))
    assert sums(node.told(guest("a", CHEAP, running_id=2))) == [None] * len(SUMS)


def test_a_guest_of_which_nothing_is_known_leaves_the_sums_out(node: Node) -> None:
    told = node.told(guest("a", FULL), guest("b", CHEAP))
    assert sums(told) == [None] * len(SUMS)
    assert told["guests_running"] == 2


def test_a_meminfo_that_cannot_be_read_costs_what_is_left_of_it_alone(node: Node) -> None:
    (node.root / "proc/meminfo").mkdir(parents=True)
    told = node.told(guest("a", {"state.state": 1, "vcpu.current": 2, "balloon.maximum": 1024}))
    assert (told["guests_running"], told["vcpus_allocated"]) == (1, 2)
    assert told["memory_allocated_bytes"] == 2**20
    assert "memory_free_bytes" not in told


def test_each_guest_is_in_one_count(node: Node) -> None:
    told = node.told(*(guest(str(state), {**FULL, "state.state": float(state)}) for state in range(8)))
    names = ("running", "paused", "suspended", "shutting_down", "shutoff", "state_unknown")
    assert [told[f"guests_{name}"] for name in names] == [2, 1, 1, 1, 2, 1]
    assert told["guests_defined"] == 8


@pytest.mark.parametrize(("claimed", "free"), [(0, 10), (3, 7), (12, -2)])
def test_the_capacity_is_rounded_down_before_claims_are_taken_off(
    node: Node, claimed: int, free: int
) -> None:
    node.limits = Allocation(cpu_ratio=1.5, reserved_cpus=frozenset({0}))  # 7 * 1.5 = 10.5
    assert node.told(guest("a", {**FULL, "vcpu.current": claimed}))["vcpus_free"] == free


def test_placement_counts_cpus_that_sleep(node: Node) -> None:
    awake = node.told(guest("a", FULL))
    node.online = 4
    asleep = node.told(guest("a", FULL))
    assert awake["vcpus_free"] == asleep["vcpus_free"] == 10
    assert (awake["cpus_usable"], asleep["cpus_usable"]) == (8, 4)


def test_without_a_list_of_cpus_nobody_says_how_many_are_free(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1 kB\n")
    (tmp_path / "sys/devices/system/cpu").mkdir(parents=True)
    (tmp_path / "sys/devices/system/cpu/online").write_text("0-3\n")
    cycle: Cycle = cycle_with((), host=Host("n", tmp_path / "proc", tmp_path / "sys"))
    assert "vcpus_free" not in {sample.metric.name for sample in AllocationOfNode().collect(cycle)}


def pinned(*cpus: str, emulator: str = "") -> Size:
    pins = {n: frozenset(map(int, each.split(","))) for n, each in enumerate(cpus) if each}
    emulated = frozenset(map(int, emulator.split(","))) if emulator else frozenset()
    return Size(len(cpus), 1024 * MIB, 1024 * MIB, pins, emulated)


@pytest.mark.parametrize(
    ("size", "pcpus", "vcpus"),
    [
        (pinned("4", "5"), 2, 0),
        (pinned("4", "0,1,2,3"), 1, 1),
        (pinned("0,1,2,3", "0,1,2,3"), 0, 2),
        (pinned("", ""), 0, 2),
        (pinned("4", "5", emulator="6"), 3, 0),
        (pinned("4", "5", emulator="4,5"), 2, 0),
        (pinned("0", "1"), 0, 2),
    ],
    ids=[
        "dedicated",
        "mixed",
        "shared",
        "not pinned",
        "emulator apart",
        "emulator with the vCPUs",
        "by hand",
    ],
)
@pytest.mark.parametrize("state", [1, 5])
def test_vcpus_with_a_cpu_of_their_own_are_no_vcpus_of_placements(
    node: Node, size: Size, pcpus: int, vcpus: int, state: int
) -> None:
    node.limits = Allocation(cpu_ratio=2.0, dedicated_cpus=frozenset({4, 5, 6, 7}))
    told = node.told(guest("a", {**FULL, "state.state": float(state)}, size=size))
    assert (told["pcpus_dedicated"], told["pcpus_claimed"], told["pcpus_free"]) == (4, pcpus, 4 - pcpus)
    assert (told["vcpus_claimed"], told["vcpus_free"]) == (vcpus, 8 - vcpus)


def test_overcommit_is_of_those_who_share(node: Node) -> None:
    node.limits = Allocation(dedicated_cpus=frozenset({4, 5, 6, 7}))
    off = guest("b", {**FULL, "state.state": 5.0}, size=pinned("", ""))
    told = node.told(guest("a", {**FULL, "vcpu.current": 8.0}, size=pinned("4", "5", *[""] * 6)), off)
    assert (told["vcpus_allocated"], told["vcpu_overcommit_ratio"]) == (8, 6 / 4)


def test_memory_that_is_free_is_what_is_not_claimed(node: Node) -> None:
    node.limits = Allocation(ram_ratio=0.5, reserved_memory_bytes=1024 * MIB)
    assert node.told(guest("a", FULL))["memory_free_bytes"] == (7 * 1024 // 2 - 1024) * MIB


def test_while_libvirt_is_silent_nothing_is_told_of_guests(node: Node) -> None:
    node.told(guest("a", FULL))
    for events in (False, True):
        cycle = replace(cycle_with(None), for_events=events)
        with pytest.raises(NoData, match="libvirt does not answer"):
            list(node.collector.collect(cycle))


def test_dedicated_cpus_are_the_same_awake_and_asleep(node: Node) -> None:
    node.limits = Allocation(cpu_ratio=1.0, dedicated_cpus=frozenset({4, 5, 6, 7}))
    one = guest("a", FULL, size=pinned("4", "5"))
    awake = node.told(one)
    node.online = 6
    asleep = node.told(one)
    for name in ("pcpus_free", "vcpus_free", "cpus_usable"):
        assert awake[name] == asleep[name]


def test_a_guest_whose_pins_are_not_known_leaves_the_claims_unknown(node: Node) -> None:
    node.limits = Allocation(dedicated_cpus=frozenset({4}))
    told = node.told(guest("a", FULL))
    assert {"pcpus_claimed", "vcpus_claimed", "vcpus_free"}.isdisjoint(told)
    assert told["vcpus_allocated"] == 2


def test_without_dedicated_cpus_there_are_none_to_count(node: Node) -> None:
    told = node.told(guest("a", FULL, size=pinned("4", "5")))
    assert not any(name.startswith("pcpus") for name in told)
    assert told["vcpus_claimed"] == 2


def test_without_status_files_guests_are_counted_all_the_same(node: Node) -> None:
    def running() -> tuple[GuestProcess, ...]:
        raise FileNotFoundError("/run/libvirt/qemu")

    node.told()
    host = Host("n", node.root / "proc", node.root / "sys")
    cycle = replace(cycle_with((guest("a", {"state.state": 1}),), host=host), running=running)
    assert {s.metric.name: s.value for s in node.collector.collect(cycle)}["guests_running"] == 1
