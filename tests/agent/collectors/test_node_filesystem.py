"""Space, inodes and health of the node's file systems."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_filesystem import NodeFilesystem, label_of
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.storage import Storage

ROOT = "27 1 253:1 / / rw,relatime shared:1 - xfs /dev/vg0/root rw,attr2"
NOVA = "30 27 9:127 / /var/lib/nova/instances rw shared:2 - ext4 /dev/md127 rw,errors=remount-ro"
NFS = "31 27 0:51 / /mnt/nfs rw - nfs4 nas:/x rw,hard"
HUGE = 2**64 - 1


def space(
    blocks: int = 1000,
    bfree: int = 300,
    bavail: int = 200,
    files: int = 100,
    ffree: int = 25,
    favail: int = 20,
) -> os.statvfs_result:
    return os.statvfs_result((65536, 4096, blocks, bfree, bavail, files, ffree, favail, 0, 255))


@dataclass
class Node:
    """A node with mounts; ``answers`` by mount point are results or what is raised."""

    folder: Path
    process: str = "1"
    answers: dict[str, os.statvfs_result | OSError | threading.Event] = field(default_factory=dict)
    now: float = 100.0
    asked: list[str] = field(default_factory=list)

    def mount(self, *lines: str) -> None:
        base = self.folder / "proc" / self.process
        (base / "root").mkdir(parents=True, exist_ok=True)
        (base / "mountinfo").write_bytes("\n".join((ROOT, *lines, "")).encode("utf-8", "surrogateescape"))

    def statvfs(self, path: str) -> os.statvfs_result:
        point = "/" + path.removeprefix(str(self.folder / "proc" / self.process / "root")).lstrip("/")
        self.asked.append(point)
        answer = self.answers.get(point, space())
        if isinstance(answer, threading.Event):
            answer.wait(30)
            return space()
        if isinstance(answer, OSError):
            raise answer
        return answer

    def host(self) -> Host:
        root = self.folder
        return Host("n", root / "proc", root / "sys", monotonic=lambda: self.now, statvfs=self.statvfs)

    def told(self, collector: NodeFilesystem, storage: Storage | None = None) -> dict[tuple[str, ...], Value]:
        cycle = replace(Cycle(self.host(), self.now), storage=storage or Storage())
        return values(collector.collect(cycle))


def values(samples: Iterable[Sample]) -> dict[tuple[str, ...], Value]:
    found = list(samples)
    named = {(s.metric.field.removeprefix("filesystem_"), *s.labels): s.value for s in found}
    assert len(named) == len(found), "each series once"
    return named


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_space_is_as_df_shows_it_to_ordinary_programs(node: Node) -> None:
    node.mount()
    told = node.told(NodeFilesystem())
    assert told["size_bytes", "/"] == 1000 * 4096
    assert told["free_bytes", "/"] == 300 * 4096
    assert told["available_bytes", "/"] == 200 * 4096
    assert told["used_ratio", "/"] == 700 / 900
    assert told["inodes_used_ratio", "/"] == 0.75
    assert told["inodes_free", "/"] == 20
    assert (told["answers", "/"], told["mode", "/"]) == (2, 0)
    assert (told["type", "/"], told["source", "/"]) == ("xfs", "/dev/vg0/root")


@pytest.mark.parametrize(
    ("answer", "absent"),
    [
        (space(files=0, ffree=0, favail=0), {"inodes", "inodes_free", "inodes_used_ratio"}),  # btrfs, vfat
        (space(files=5, ffree=HUGE, favail=HUGE), {"inodes", "inodes_free", "inodes_used_ratio"}),  # CephFS
        (space(bavail=HUGE - 5), {"available_bytes", "used_ratio"}),  # what is reserved is in use
        (space(blocks=0, bfree=0, bavail=0), {"size_bytes", "free_bytes", "available_bytes", "used_ratio"}),
    ],
)
def test_a_number_that_makes_no_sense_is_absent(
    node: Node, answer: os.statvfs_result, absent: set[str]
) -> None:
    node.mount()
    numbers = {"size_bytes", "free_bytes", "available_bytes", "used_ratio"}
    numbers |= {"inodes", "inodes_free", "inodes_used_ratio"}
    node.answers["/"] = answer
    told = node.told(NodeFilesystem())
    assert {name for name, *_ in told} & numbers == numbers - absent


def test_a_full_file_system_is_full(node: Node) -> None:
    node.mount()
    node.answers["/"] = space(bfree=50, bavail=0, ffree=0, favail=0)
    told = node.told(NodeFilesystem())
    assert (told["used_ratio", "/"], told["available_bytes", "/"]) == (1.0, 0)
    assert (told["inodes_used_ratio", "/"], told["inodes_free", "/"]) == (1.0, 0)


def test_the_file_system_of_the_instances_is_known_by_its_mount(node: Node) -> None:
    node.mount(NOVA)
    (node.folder / "proc/1/root/var/lib/nova").mkdir(parents=True)
    told = node.told(NodeFilesystem(), Storage(mounts=("/",)))
    assert told["instances", "/var/lib/nova/instances"] == 1
    assert told["instances", "/"] == 0


def test_the_file_system_of_the_instances_may_be_anothers_behind_a_link(node: Node) -> None:
    node.mount("30 27 8:1 / /data rw - ext4 /dev/sda1 rw")
    (node.folder / "proc/1/root/data/nova/instances").mkdir(parents=True)
    (node.folder / "proc/1/root/var/lib").mkdir(parents=True)
    (node.folder / "proc/1/root/var/lib/nova").symlink_to("/data/nova")  # of the node, not of this machine
    told = node.told(NodeFilesystem(), Storage(ignored_mounts=("/data",)))
    assert (told["instances", "/data"], told["instances", "/"]) == (1, 0)


def test_a_node_without_nova_has_no_instances(node: Node) -> None:
    node.mount()
    assert node.told(NodeFilesystem())["instances", "/"] == 0


@pytest.mark.parametrize(
    ("options", "of_the_file_system", "mode"),
    [
        ("rw,relatime", "rw,errors=remount-ro", 0),
        ("ro,relatime", "ro", 1),
        ("ro,relatime", "rw", 0),
        ("rw,relatime", "ro,errors=remount-ro", 2),
        ("rw,relatime", "rw,emergency_ro", 2),
    ],
)
def test_what_an_error_made_read_only_is_told_from_what_was_mounted_so(
    node: Node, options: str, of_the_file_system: str, mode: int
) -> None:
    node.mount(f"30 27 8:1 / /srv {options} - ext4 /dev/sda1 {of_the_file_system}")
    assert node.told(NodeFilesystem())["mode", "/srv"] == mode


def test_one_that_hangs_is_said_to_and_its_siblings_are_measured(node: Node) -> None:
    hanging = node.answers["/mnt/nfs"] = threading.Event()
    node.mount(NFS)
    collector = NodeFilesystem()
    first = node.told(collector)
    assert ("answers", "/mnt/nfs") not in first, "it may just be slow"
    assert first["mode", "/mnt/nfs"] == 0, "and is not gone"
    node.now += 60
    second = node.told(collector)
    assert second["answers", "/mnt/nfs"] == 0
    assert ("used_ratio", "/mnt/nfs") not in second
    assert second["used_ratio", "/"] == 700 / 900
    for _ in range(3):
        node.now += 60
        node.told(collector)
    assert node.asked.count("/mnt/nfs") == 1
    hanging.set()


def test_it_is_asked_once_a_minute_and_told_with_the_time_of_asking(node: Node) -> None:
    node.mount()
    collector = NodeFilesystem()
    node.told(collector)
    node.now += 15
    again = list(collector.collect(Cycle(node.host(), 500.0)))
    assert {sample.at for sample in again} == {100.0}
    assert node.asked == ["/"]
    node.now += 45
    node.told(collector)
    assert node.asked == ["/", "/"]


@pytest.mark.parametrize(
    ("error", "state"), [(errno.ESTALE, 1), (errno.EIO, 1), (errno.EACCES, 4), (errno.EPERM, 4)]
)
def test_an_error_is_not_silence_and_a_refusal_is_neither(node: Node, error: int, state: int) -> None:
    node.mount(NFS)
    node.answers["/mnt/nfs"] = OSError(error, os.strerror(error))
    told = node.told(NodeFilesystem())
    assert told["answers", "/mnt/nfs"] == state
    assert ("size_bytes", "/mnt/nfs") not in told


def test_what_was_unmounted_meanwhile_is_not_told(node: Node) -> None:
    node.mount(NFS)
    node.answers["/mnt/nfs"] = FileNotFoundError(errno.ENOENT, "gone")
    assert all(key[1:] != ("/mnt/nfs",) for key in node.told(NodeFilesystem()))


def test_without_the_right_to_see_what_pid_1_sees_the_agents_own_view_is_taken(node: Node) -> None:
    node.process = "self"
    node.mount()
    assert node.told(NodeFilesystem())["used_ratio", "/"] == 700 / 900


def test_without_mounts_there_is_nothing(node: Node) -> None:
    with pytest.raises(NoData):
        node.told(NodeFilesystem())


def test_a_name_that_is_no_text_is_asked_as_it_is_and_told_as_text(node: Node) -> None:
    node.mount('30 27 8:1 / /srv/\udce9t\\040"x" rw - ext4 /dev/sda1 rw')
    told = node.told(NodeFilesystem())
    assert '/srv/\udce9t "x"' in node.asked
    assert told["answers", "/srv/\ufffdt ?x?"] == 2


def test_a_label_is_bounded() -> None:
    assert len(label_of("/" + "x" * 4000)) == 200


def test_too_many_are_counted_and_the_instances_are_among_those_measured(node: Node) -> None:
    node.mount(*(f"{n} 27 8:{n} / /a{n} rw - ext4 /dev/x{n} rw" for n in range(100, 180)), NOVA)
    (node.folder / "proc/1/root/var/lib/nova").mkdir(parents=True)
    told = node.told(NodeFilesystem())
    assert told["left_out",] == 82 - 64
    assert told["instances", "/var/lib/nova/instances"] == 1
