"""Control groups of guests: a group is the guest's own or not reported, whatever layout libvirt runs in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from argus.catalogue.model import Value, samples_of
from argus_agent.collectors.guest_io import GuestIo
from argus_agent.collectors.guest_memory_events import GuestMemoryEvents
from argus_agent.collectors.guest_pressure import GuestPressure
from argus_agent.collectors.guest_throttle import GuestThrottle
from argus_agent.collectors.node_cgroups import NodeCgroups
from argus_agent.cycle import Collector, Cycle
from argus_agent.host import Host
from argus_agent.kernel.guests import KernelGuests

STAT = (
    "{pid} (qemu-kvm) S 1 1 1 0 -1 0 0 0 9 0 1 0 0 0 20 0 1 0 100 0 52000 "
    "0 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0"
)
GUESTS = {4001: "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001", 4002: "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a002"}
PODMAN = "/machine.slice/libpod-c0ffee.scope"
MACHINED = "/machine.slice/machine-qemu\\x2d{}\\x2dinstance.scope"
MANUAL = "/machine/qemu-{}-instance.libvirt-qemu"


class Node:
    """Two guests in the groups given; every group from the root down has counts that are its own number."""

    def __init__(self, root: Path, *groups: str) -> None:
        self.cgroupfs = root / "sys/fs/cgroup"
        for number, (pid, uuid) in enumerate(GUESTS.items(), 1):
            name = f"instance-{number}"
            domain = f"<domain><name>{name}</name><uuid>{uuid}</uuid></domain>"
            _write(
                root / f"run/qemu/{name}.xml", f"<domstatus state='running' pid='{pid}'>{domain}</domstatus>"
            )
            process = root / f"proc/{pid}"
            for folder in (process, process / f"task/{pid}"):
                _write(folder / "stat", STAT.format(pid=pid))
            _write(process / "comm", "qemu-kvm\n")
            _write(process / "cgroup", f"0::{groups[number - 1]}\n")
        self.host = Host("cmp1", root / "proc", root / "sys", root / "run")
        self.guests = KernelGuests(self.host.rundir / "qemu", self.host.procfs)
        _write(self.cgroupfs / "cgroup.controllers", "cpu io memory\n")

    def count(self, group: str, number: int) -> None:
        """Make a group whose counts are all ``number``."""
        folder = self.cgroupfs / group.lstrip("/")
        _write(folder / "io.stat", f"8:0 rbytes={number} wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n")
        _write(folder / "memory.events", f"low 0\nhigh {number}\nmax 0\noom 0\noom_kill {number}\n")
        _write(folder / "cpu.pressure", f"some avg10=0.00 avg60=0.00 avg300=0.00 total={number}000000\n")
        _write(folder / "cpu.stat", f"usage_usec 1\nnr_periods {number}\nnr_throttled 0\nthrottled_usec 0\n")

    def collect(self, collector: Collector) -> dict[tuple[str, ...], Value]:
        samples = samples_of(collector.collect(Cycle(self.host, 0.0, running=self.guests.read)))
        return {(sample.metric.field, *sample.labels): sample.value for sample in samples}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _told(node: Node) -> list[tuple[Value | None, ...]]:
    """Return what each consumer of the groups tells of each guest."""
    fields = (
        (GuestIo(), "io_read_bytes", ("8:0",)),
        (GuestMemoryEvents(), "memory_events_high", ()),
        (GuestPressure(), "pressure_cpu_some_seconds", ()),
        (GuestThrottle(), "throttle_periods", ()),
    )
    told = [(node.collect(collector), field, labels) for collector, field, labels in fields]
    return [
        tuple(values.get((field, uuid, *more)) for values, field, more in told) for uuid in GUESTS.values()
    ]


@pytest.mark.parametrize(
    "layout",
    [
        MACHINED,
        MANUAL,
        "/system.slice/docker-77aa.scope" + MANUAL,
        PODMAN + "/container" + MANUAL,
        "/kubepods.slice/kubepods-pod1.slice/cri-containerd-ab.scope" + MANUAL,
        "/gold.partition/qemu-{}-web.scope.libvirt-qemu",
        "/user.slice/user-1000.slice/session-3.scope" + MANUAL,
    ],
)
@pytest.mark.parametrize("thread", ["", "/libvirt/emulator", "/emulator"])
def test_each_guest_gets_its_own_numbers(tmp_path: Path, layout: str, thread: str) -> None:
    node = Node(tmp_path, layout.format(1) + thread, layout.format(2) + thread)
    above = layout.format(1).strip("/").split("/")
    for depth in range(1, len(above)):
        node.count("/".join(above[:depth]), 900)
    node.count(layout.format(1), 1)
    node.count(layout.format(2), 2)
    assert _told(node) == [(1, 1, 1.0, 1), (2, 2, 2.0, 2)]
    assert node.collect(NodeCgroups())["cgroup_guests_without",] == 0


@pytest.mark.parametrize(
    "group",
    [
        "/",
        "/system.slice/libvirtd.service",
        "/system.slice/docker-77aa.scope",
        PODMAN + "/container",
        "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-virt-manager.scope",
        MACHINED.format(1),
    ],
)
def test_a_group_of_several_is_reported_for_nobody_and_counted(tmp_path: Path, group: str) -> None:
    node = Node(tmp_path, group, group)
    node.count(group, 900)
    assert _told(node) == [(None,) * 4] * 2
    assert node.collect(NodeCgroups())["cgroup_guests_without",] == 2


def test_a_group_that_is_not_mounted_here_is_counted_as_well(tmp_path: Path) -> None:
    node = Node(tmp_path, "/../.." + MACHINED.format(1), MACHINED.format(2))
    node.count(MACHINED.format(2), 2)
    assert node.collect(NodeCgroups())["cgroup_guests_without",] == 1


def test_one_guest_without_a_group_costs_the_other_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path, MACHINED.format(1), "/system.slice/libvirtd.service")
    node.count(MACHINED.format(1), 1)
    node.count("/system.slice/libvirtd.service", 900)
    assert _told(node) == [(1, 1, 1.0, 1), (None,) * 4]
    assert node.collect(NodeCgroups())["cgroup_guests_without",] == 1


@pytest.mark.parametrize("place", ["", "/libvirt", "/libvirt/vcpu0", "/vcpu0", "/libvirt/emulator"])
def test_a_quota_counts_wherever_below_the_guest_it_is(tmp_path: Path, place: str) -> None:
    node = Node(tmp_path, MACHINED.format(1) + "/libvirt/emulator", MACHINED.format(2) + "/libvirt/emulator")
    node.count(MACHINED.format(1) + place, 30)
    told = node.collect(GuestThrottle())
    assert told == {
        ("throttle_periods", GUESTS[4001]): 30,
        ("throttle_throttled_periods", GUESTS[4001]): 0,
        ("throttle_throttled_seconds", GUESTS[4001]): 0.0,
    }


def test_a_kill_is_counted_though_the_guests_group_goes_with_it(tmp_path: Path) -> None:
    node = Node(tmp_path, MACHINED.format(1), MACHINED.format(2))
    node.count("machine.slice", 4)
    node.count(MACHINED.format(1), 0)
    node.count(MACHINED.format(2), 0)
    collector = NodeCgroups()
    assert node.collect(collector)["cgroup_oom_kills",] == 0  # those before the agent started
    shutil.rmtree(node.cgroupfs / MACHINED.format(1).lstrip("/"))
    for pid in GUESTS:
        shutil.rmtree(node.host.procfs / str(pid))
    node.count("machine.slice", 5)
    assert node.collect(collector)["cgroup_oom_kills",] == 1
    shutil.rmtree(node.cgroupfs / "machine.slice")
    assert node.collect(collector)["cgroup_oom_kills",] == 1


def test_version_1_of_a_controller_has_its_own_answer(tmp_path: Path) -> None:
    node = Node(tmp_path, "/", "/")
    shutil.rmtree(node.cgroupfs)
    for pid, number in ((4001, 1), (4002, 2)):
        lines = f"5:cpu,cpuacct:{MACHINED.format(number)}/emulator\n4:blkio:/system.slice/libvirtd.service\n"
        _write(node.host.procfs / f"{pid}/cgroup", f"{lines}0::{MACHINED.format(number)}\n")
        cpu = node.cgroupfs / "cpu,cpuacct" / MACHINED.format(number).lstrip("/")
        _write(cpu / "vcpu0/cpu.stat", f"nr_periods {number}\nnr_throttled 0\nthrottled_time 0\n")
    shared = node.cgroupfs / "blkio/system.slice/libvirtd.service"
    for name in ("io_service_bytes", "io_serviced"):
        _write(shared / f"blkio.throttle.{name}", "8:0 Read 900\n8:0 Write 900\n")
    assert [(io, periods) for io, _, _, periods in _told(node)] == [(None, 1), (None, 2)]
    assert node.collect(NodeCgroups())["cgroup_guests_without",] == 2
