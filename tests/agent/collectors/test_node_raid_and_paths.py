"""Software RAID and multipath of the node."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from argus.catalogue import node_md
from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_md import NodeMd
from argus_agent.collectors.node_multipath import NodeMultipath
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.kernel.md import parse_done


class Node:
    """A node's /sys, of which files may be written."""

    def __init__(self, folder: Path) -> None:
        self.host = Host("n", folder / "proc", folder / "sys", monotonic=lambda: 100.0)
        (folder / "sys/block").mkdir(parents=True)

    def write(self, folder: str, **files: str) -> None:
        for name, text in files.items():
            file = self.host.sysfs / folder / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")

    def array(self, name: str, **files: str) -> None:
        self.write(
            f"block/{name}/md",
            **{"metadata_version": "1.2", "array_state": "clean", "level": "raid1"} | files,
        )

    def map(self, number: int, name: str, **paths: str) -> None:
        """A map of multipathd; a path without a state has no such file."""
        self.write(f"block/dm-{number}", dm__name=name, dm__uuid=f"mpath-{number}", size="9")
        for path, state in paths.items():
            self.write(f"block/dm-{number}/slaves/{path}", dev="8:0")
            self.write(f"block/{path}/device", **({"state": state} if state else {"vendor": "x"}))

    def controller(self, subsystem: str, name: str, state: str, transport: str = "tcp", **ana: str) -> None:
        base = f"class/nvme-subsystem/{subsystem}/{name}"
        self.write(base, state=state, transport=transport)
        for path, ana_state in ana.items():
            self.write(f"{base}/{path}", ana_state=ana_state)

    def arrays(self) -> dict[tuple[str, ...], Value]:
        return values(NodeMd().collect(Cycle(self.host, 0.0)))

    def paths(self) -> dict[str, Value]:
        return {key[0]: v for key, v in values(NodeMultipath().collect(Cycle(self.host, 0.0))).items()}


def values(samples: Iterable[Sample]) -> dict[tuple[str, ...], Value]:
    return {(s.metric.name, *s.labels): s.value for s in samples}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_an_array_that_is_being_rebuilt_is_degraded_and_tells_how_far_it_is(node: Node) -> None:
    node.array(
        "md0",
        array_state="active",
        raid_disks="2",
        degraded="1",
        sync_action="recover",
        sync_completed="250 / 1000",
        sync_speed="100",
        mismatch_cnt="128",
        **{"dev-sda1__state": "in_sync", "dev-sda1__slot": "0"},
        **{"dev-sdb1__state": "spare", "dev-sdb1__slot": "1"},
        **{"dev-sdc1__state": "faulty", "dev-sdc1__slot": "none"},
        **{"dev-sdd1__state": "spare", "dev-sdd1__slot": "none"},
    )
    told = node.arrays()
    assert told["state", "md0"] == node_md.STATES["active"]
    assert told["action", "md0"] == node_md.ACTIONS["recover"]
    assert told["done_ratio", "md0"] == 0.25
    assert told["sync_speed_bytes", "md0"] == 102400
    assert (told["degraded", "md0"], told["disks", "md0"]) == (1, 2)
    assert (told["failed", "md0"], told["spares", "md0"]) == (1, 1)
    assert (told["mismatches", "md0"], told["level", "md0"]) == (128, "raid1")


def test_a_level_without_redundancy_is_never_degraded_and_may_be_broken(node: Node) -> None:
    node.array("md1", array_state="broken", level="raid0", raid_disks="2")
    told = node.arrays()
    assert told["state", "md1"] == node_md.STATES["broken"]
    assert ("degraded", "md1") not in told
    assert ("action", "md1") not in told
    assert ("done_ratio", "md1") not in told


def test_an_inactive_array_is_told_and_a_container_or_a_bare_name_is_none(node: Node) -> None:
    node.array("md2", array_state="inactive")
    node.array("md127", array_state="inactive", metadata_version="external:imsm", level="container")
    node.array("md126", array_state="active", metadata_version="external:/md127/0")
    node.array("md125", array_state="inactive", metadata_version="external:-md127/1")  # kept read-only
    node.array("md9", array_state="clear")
    node.write("block/mdblock", size="1")
    assert {key[1] for key in node.arrays()} == {"md2", "md125", "md126"}


def test_words_of_later_kernels_are_another_state_and_not_a_failure(node: Node) -> None:
    node.array("md0", array_state="hibernating", sync_action="polish", raid_disks="4 (3)")
    told = node.arrays()
    assert (told["state", "md0"], told["action", "md0"]) == (node_md.UNKNOWN, node_md.UNKNOWN)
    assert told["disks", "md0"] == 4


@pytest.mark.parametrize(
    ("text", "done"),
    [("none", None), ("delayed", None), ("", None), ("0 / 0", None), ("5 / 10", 0.5), ("12 / 10", 1.0)],
)
def test_progress_is_a_share_or_absent(text: str, done: float | None) -> None:
    assert parse_done(text) == done


def test_without_several_paths_there_is_nothing(node: Node) -> None:
    node.write("block/sda/device", state="offline")
    node.controller("nvme-subsys0", "nvme0", "live", "pcie", nvme0c0n1="optimized")
    with pytest.raises(NoData):
        node.paths()
    assert node.arrays() == {}


def test_whole_maps_are_counted(node: Node) -> None:
    node.map(0, "mpatha", sdb="running", sdc="running")
    node.map(1, "mpathb", sdd="running", sde="")
    assert node.paths() == {
        "devices": 2,
        "paths": 4,
        "paths_failed": 0,
        "devices_degraded": 0,
        "devices_lost": 0,
    }


def test_a_map_with_a_path_left_is_degraded_and_one_without_is_lost(node: Node) -> None:
    node.map(0, "mpatha", sdb="running", sdc="offline", sdd="blocked")
    node.map(1, "mpathb", sde="transport-offline")
    node.map(2, "mpathc")
    told = node.paths()
    assert (told["devices_degraded"], told["devices_lost"], told["paths_failed"]) == (1, 2, 3)
    assert told["affected"] == (
        "mpathb (sde transport-offline), mpathc (no path), mpatha (sdc offline, sdd blocked)"
    )


def test_a_state_that_is_not_known_does_not_count_as_failed(node: Node) -> None:
    node.map(0, "mpatha", sdb="quiesce", sdc="levitating")
    assert node.paths()["paths_failed"] == 0


def test_nvme_over_a_network_has_paths_that_connect_or_are_closed(node: Node) -> None:
    node.controller("nvme-subsys0", "nvme0", "live", nvme0c0n1="optimized", nvme0c0n2="inaccessible")
    node.controller("nvme-subsys0", "nvme1", "live", nvme0c1n1="inaccessible", nvme0c1n2="optimized")
    assert node.paths()["devices_degraded"] == 0
    node.controller("nvme-subsys0", "nvme1", "connecting")
    told = node.paths()
    assert (told["devices_lost"], told["affected"]) == (1, "nvme-subsys0 (nvme1 connecting, no path is open)")
    node.controller("nvme-subsys0", "nvme0", "live", nvme0c0n2="non-optimized")
    assert node.paths()["affected"] == "nvme-subsys0 (nvme1 connecting)"


def test_what_is_affected_fits_an_item(node: Node) -> None:
    for number in range(60):
        node.map(number, f"mpath{number}", **{f"sd{number}": "offline"})
    affected = node.paths()["affected"]
    assert isinstance(affected, str)
    assert len(affected) == 250
