"""The node's disks: names, members, counters, and what is derived of two readings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_block import NodeBlock
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.kernel.disks import parse_diskstats
from argus_agent.storage import Storage


@dataclass
class Node:
    """A node with disks; ``counters`` are lines of /proc/diskstats."""

    folder: Path
    now: float = 100.0

    def disk(self, name: str, **files: str) -> None:
        self.write(f"sys/block/{name}/size", "1000\n")
        for file, text in files.items():
            self.write(f"sys/block/{name}/{file.replace('__', '/')}", text + "\n")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def told(
        self, collector: NodeBlock, *counters: str, for_events: bool = False, storage: Storage | None = None
    ) -> dict[tuple[str, ...], Value]:
        if counters:
            lines = (f" 8 {number} {line}\n" for number, line in enumerate(counters))
            self.write("proc/diskstats", "".join(lines))
        host = Host("n", self.folder / "proc", self.folder / "sys", monotonic=lambda: self.now)
        cycle = Cycle(host, self.now, for_events=for_events, storage=storage or Storage())
        return values(collector.collect(cycle))


def values(samples: Iterable[Sample]) -> dict[tuple[str, ...], Value]:
    found = list(samples)
    named = {(s.metric.field.removeprefix("block_"), *s.labels): s.value for s in found}
    assert len(named) == len(found), "each series once"
    return named


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_latency_use_and_queue_cover_the_time_since_the_last_tick(node: Node) -> None:
    node.disk("sda")
    collector = NodeBlock()
    first = node.told(collector, "sda 100 0 800 400 50 0 400 900 0 1000 1300 7 0 16 5 30 60")
    assert not any(name.endswith("latency_seconds") or name == "used_ratio" for name, *_ in first)
    node.now += 5
    between = node.told(
        collector, "sda 150 0 800 400 50 0 400 900 0 1000 1300 7 0 16 5 30 60", for_events=True
    )
    assert between["read_ops", "sda"] == 150
    assert ("used_ratio", "sda") not in between
    node.now += 5
    told = node.told(collector, "sda 300 0 2400 1400 60 0 480 1400 2 6000 21300 9 0 48 6 40 160")
    assert told["read_latency_seconds", "sda"] == 0.005
    assert told["write_latency_seconds", "sda"] == 0.05
    assert told["flush_latency_seconds", "sda"] == 0.01
    assert told["used_ratio", "sda"] == 0.5
    assert told["queue_length", "sda"] == 2.0
    assert (told["discard_ops", "sda"], told["discard_bytes", "sda"], told["flush_ops", "sda"]) == (
        9,
        48 * 512,
        40,
    )


def test_an_idle_disk_has_no_latency(node: Node) -> None:
    node.disk("sda")
    collector = NodeBlock()
    line = "sda 100 0 800 400 50 0 400 900 0 1000 1300"
    node.told(collector, line)
    node.now += 10
    told = node.told(collector, line)
    assert told["used_ratio", "sda"] == 0
    assert not any(name.endswith("latency_seconds") for name, *_ in told)


def test_kernels_without_discards_and_flushes_do_not_tell_them(node: Node) -> None:
    node.disk("sda")
    assert not {"discard_ops", "discard_bytes", "flush_ops"} & {
        name for name, *_ in node.told(NodeBlock(), "sda 1 0 8 4 5 0 4 9 0 10 13")
    }
    told = node.told(NodeBlock(), "sda 1 0 8 4 5 0 4 9 0 10 13 3 0 8 1")
    assert told["discard_ops", "sda"] == 3
    assert ("flush_ops", "sda") not in told


def test_counters_that_began_again_give_nothing_derived(node: Node) -> None:
    node.disk("sda")
    collector = NodeBlock()
    node.told(collector, "sda 100 0 800 400 50 0 400 900 0 1000 1300")
    node.now += 10
    told = node.told(collector, "sda 1 0 8 4 5 0 40 9 0 10 13")
    assert told["read_ops", "sda"] == 1
    assert not any(name.endswith(("latency_seconds", "ratio", "length")) for name, *_ in told)


def test_a_device_whose_time_is_not_counted_has_operations_alone(node: Node) -> None:
    node.disk("md0")
    node.disk("sdb", queue__iostats="0")
    collector = NodeBlock()
    node.told(collector, "md0 100 0 800 0 50 0 400 0 0 0 0", "sdb 0 0 0 0 0 0 0 0 0 0 0")
    node.now += 10
    told = node.told(collector, "md0 200 0 800 0 50 0 400 0 0 0 0", "sdb 0 0 0 0 0 0 0 0 0 0 0")
    assert {name for name, label in told if label == "md0"} == {
        *("type", "read_ops", "write_ops", "read_bytes", "write_bytes")
    }
    assert {name for name, label in told if label == "sdb"} == set()


def test_maps_have_their_own_names_and_name_their_members(node: Node) -> None:
    node.disk("dm-3", dm__name="vg0-root", dm__uuid="LVM-abc", slaves__sda2="", queue__scheduler="none")
    node.disk("dm-4", dm__name="mpatha", dm__uuid="mpath-3600", slaves__sdb="", slaves__sdc="")
    node.disk("dm-5", dm__name="secret", dm__uuid="CRYPT-LUKS2-abc", slaves__sdd="")
    node.disk("dm-6", dm__name="mpatha-part1", dm__uuid="part1-mpath-3600")
    node.disk("md127", slaves__sde1="", slaves__sdf1="")
    lines = [f"{name} 1 0 8 4 5 0 4 9 0 10 13" for name in ("dm-3", "dm-4", "dm-6", "md127", "sda2")]
    told = node.told(NodeBlock(), *lines)
    assert {labels[0]: v for (name, *labels), v in told.items() if name == "type"} == {
        "md127": "md",
        "mpatha": "multipath",
        "vg0-root": "lvm",
        "secret": "crypt",
    }
    assert told["kernel_name", "vg0-root"] == "dm-3"
    assert told["members", "mpatha"] == "sdb sdc"
    assert told["members", "md127"] == "sde1 sdf1"
    assert told["read_ops", "vg0-root"] == 1
    assert ("read_ops", "secret") not in told


def test_a_map_with_the_name_of_a_disk_keeps_the_kernels_name(node: Node) -> None:
    node.disk("sda")
    node.disk("dm-0", dm__name="sda", dm__uuid="mpath-1")
    told = node.told(NodeBlock(), "sda 1 0 8 4 5 0 4 9 0 10 13", "dm-0 2 0 8 4 5 0 4 9 0 10 13")
    assert (told["read_ops", "sda"], told["read_ops", "dm-0"]) == (1, 2)


def test_what_is_no_disk_is_left_out(node: Node) -> None:
    for name in ("loop0", "ram1", "sr0", "zram0", "nvme0c1n1"):
        node.disk(name)
    node.disk("nbd0", size="0")
    node.disk("nvme1n1", hidden="1")
    node.disk("nvme2n1", hidden="0")
    node.disk("dm-7", dm__name="vg-volume--1f", dm__uuid="LVM-x")
    names = ("loop0", "ram1", "sr0", "zram0", "nvme0c1n1", "nbd0", "nvme1n1", "nvme2n1", "dm-7", "nvme2n1p1")
    told = node.told(NodeBlock(), *(f"{name} 1 0 8 4 5 0 4 9 0 10 13" for name in names))
    assert {labels[-1] for labels in told} == {"nvme2n1"}


def test_another_disk_is_found_at_once_and_a_choice_is_taken_over(node: Node) -> None:
    collector = NodeBlock()
    node.disk("sda")
    node.told(collector, "sda 1 0 8 4 5 0 4 9 0 10 13")
    node.disk("sdb")
    both = ("sda 1 0 8 4 5 0 4 9 0 10 13", "sdb 1 0 8 4 5 0 4 9 0 10 13")
    assert ("read_ops", "sdb") in node.told(collector, *both)
    assert {
        labels[-1] for labels in node.told(collector, *both, storage=Storage(ignored_disks=("sd[b-z]",)))
    } == {"sda"}


def test_of_too_many_the_maps_are_left_out_and_counted(node: Node) -> None:
    for number in range(130):
        node.disk(f"dm-{number}", dm__name=f"lv{number}", dm__uuid="LVM-x")
    node.disk("sda")
    told = node.told(NodeBlock(), "sda 1 0 8 4 5 0 4 9 0 10 13")
    assert told["left_out",] == 3
    assert ("read_ops", "sda") in told


def test_without_diskstats_each_device_is_read(node: Node) -> None:
    node.disk("sda", stat=" 10 0 8 4 20 0 16 5 0 250 9")
    node.disk("sdb", stat="garbage")
    told = node.told(NodeBlock())
    assert told["busy_seconds", "sda"] == 0.25
    assert {name for name, label in told if label == "sdb"} == set()


def test_what_cannot_be_read_is_counted_in_each_cycle_until_it_is_looked_up_again(node: Node) -> None:
    node.disk("sda", queue__scheduler="noop deadline")
    collector = NodeBlock()
    for _ in range(2):
        cycle = Cycle(Host("n", node.folder / "proc", node.folder / "sys", monotonic=lambda: 100.0), 0.0)
        list(collector.collect(cycle))
        assert len(cycle.unread_files) == 1


def test_without_a_block_layer_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoData):
        list(NodeBlock().collect(Cycle(Host("n", tmp_path, tmp_path), 0.0)))


def test_an_odd_line_costs_that_line() -> None:
    text = " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n 8 1 sdb x 2\n 8 2\n\n"
    assert parse_diskstats(text) == {"sda": list(range(1, 12)), "sdb": [None, 2]}


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert all(parse_diskstats(text).values())
