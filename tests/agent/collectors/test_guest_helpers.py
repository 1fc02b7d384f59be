"""Helper processes of guests, and involuntary switches of their vCPUs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue.model import Value, samples_of
from argus_agent.collectors.guest_helpers import GuestHelpers
from argus_agent.collectors.guest_switches import GuestSwitches
from argus_agent.cycle import Collector, Cycle
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess, Role, Thread
from argus_agent.kernel.process import PAGE_BYTES, TICKS, Stat

SCOPE = "/machine.slice/machine-qemu\\x2d3\\x2dg.scope"
STAT = Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0)
GUEST = GuestProcess(RunningGuest("g", "u", 100, "running", "booted", {}, number=3), STAT, {"": SCOPE}, ())
ALONE = replace(GUEST, cgroups={}, _folders={})


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run", monotonic=lambda: 100.0)


def process(
    host: Host, pid: int, comm: str, *, parent: int = 1, state: str = "S", children: str = ""
) -> None:
    fields = [state, str(parent), *["0"] * 9, str(2 * TICKS), str(TICKS), *["0"] * 8, "10", *["0"] * 30]
    put(host.procfs / f"{pid}/stat", f"{pid} ({comm}) {' '.join(fields)}\n")
    put(host.procfs / f"{pid}/task/{pid}/children", children)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def told(
    host: Host, guest: GuestProcess, collector: Collector, unread: dict[str, str] | None = None
) -> dict[tuple[str, ...], Value]:
    cycle = Cycle(host, 5.0, running=lambda: (guest,), unread={} if unread is None else unread)
    return {(s.metric.field, *s.labels[1:]): s.value for s in samples_of(collector.collect(cycle))}


def grouped(host: Host, below: str, pids: str) -> None:
    put(host.cgroupfs / "cgroup.controllers", "cpu io memory\n")
    put(host.cgroupfs / f".{SCOPE}{below}/cgroup.procs", pids)


@pytest.mark.parametrize("below", ["", "/libvirt", "/libvirt/emulator", "/emulator"])
def test_helpers_are_the_other_processes_of_the_guests_group(host: Host, below: str) -> None:
    (host.cgroupfs / f".{SCOPE}").mkdir(parents=True)
    grouped(host, below, "100\n101\n102\n103\n104\n0\n")
    process(host, 100, "qemu-system-x86")
    process(host, 101, "swtpm")
    process(host, 102, "virtiofsd")
    process(host, 103, "virtiofsd")
    process(host, 104, "something")
    assert told(host, GUEST, GuestHelpers()) == {
        ("helpers_alive", "swtpm"): 1,
        ("helpers_cpu_seconds", "swtpm"): 3.0,
        ("helpers_rss_bytes", "swtpm"): 10 * PAGE_BYTES,
        ("helpers_alive", "virtiofsd"): 2,
        ("helpers_cpu_seconds", "virtiofsd"): 6.0,
        ("helpers_rss_bytes", "virtiofsd"): 20 * PAGE_BYTES,
        ("helpers_alive", "other"): 1,
        ("helpers_cpu_seconds", "other"): 3.0,
        ("helpers_rss_bytes", "other"): 10 * PAGE_BYTES,
    }


def test_kernel_threads_zombies_and_processes_that_ended_are_no_helpers(host: Host) -> None:
    grouped(host, "", "100\n101\n102\n103\n")
    process(host, 101, "vhost-100", parent=2)
    process(host, 102, "swtpm", state="Z")
    assert told(host, GUEST, GuestHelpers()) == {}


def test_a_child_that_was_made_before_its_parent_was_moved_belongs_to_it(host: Host) -> None:
    grouped(host, "", "100\n101\n")
    process(host, 101, "virtiofsd", children="102 ")
    process(host, 102, "virtiofsd", parent=101)
    assert told(host, GUEST, GuestHelpers())["helpers_alive", "virtiofsd"] == 2


@pytest.mark.parametrize(
    ("name", "comm", "role"),
    [
        ("swtpm/3-g-swtpm.pid", "swtpm", "swtpm"),
        ("3-g-fs0-fs.pid", "virtiofsd", "virtiofsd"),
        ("passt/3-g-net0-passt.pid", "passt.avx2", "passt"),
        ("dbus/3-g-dbus.pid", "dbus-daemon", "dbus"),
        ("3-g-video0-vhost-user-gpu.pid", "vhost-user-gpu", "vhost_user"),
    ],
)
def test_without_a_group_pid_files_name_the_helpers(host: Host, name: str, comm: str, role: str) -> None:
    put(host.rundir / "qemu" / name, "101\n")
    put(host.rundir / "qemu/swtpm/33-other-swtpm.pid", "102\n")
    put(host.rundir / "qemu/g.pid", "100\n")
    process(host, 101, comm)
    process(host, 102, "swtpm")
    assert {key for key in told(host, ALONE, GuestHelpers()) if key[0] == "helpers_alive"} == {
        ("helpers_alive", role)
    }


def test_a_pid_file_of_a_process_that_ended_names_nobody_else(host: Host) -> None:
    put(host.rundir / "qemu/swtpm/3-g-swtpm.pid", "101\n")
    process(host, 101, "postgres")
    assert told(host, ALONE, GuestHelpers()) == {}


def test_a_file_of_another_form_costs_its_guest_and_is_counted(host: Host) -> None:
    grouped(host, "", "101\n")
    put(host.procfs / "101/stat", "101 (swtpm) S 1\n")
    unread: dict[str, str] = {}
    assert told(host, GUEST, GuestHelpers(), unread) == {}
    assert list(unread) == ["u"]


def threads(*roles: Role) -> GuestProcess:
    made = tuple(Thread(200 + number, role, 0.0, None, None) for number, role in enumerate(roles))
    return replace(GUEST, threads=made)


def switched(host: Host, tid: int, text: str) -> None:
    put(host.procfs / f"100/task/{tid}/status", text)


def test_switches_of_all_vcpus_are_summed_and_those_of_other_threads_are_not(host: Host) -> None:
    for number in range(3):
        text = f"Name:\tCPU 0/KVM\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t{10**number}\n"
        switched(host, 200 + number, text)
    guest = threads(Role.VCPU, Role.VCPU, Role.EMULATOR)
    assert told(host, guest, GuestSwitches()) == {("vcpu_involuntary_switches",): 11}


@pytest.mark.parametrize("text", [None, "Name:\tCPU 1/KVM\n", "nonvoluntary_ctxt_switches:\t-\n"])
def test_a_sum_that_would_lack_a_vcpu_is_not_told(host: Host, text: str | None) -> None:
    switched(host, 200, "nonvoluntary_ctxt_switches:\t5\n")
    if text is not None:
        switched(host, 201, text)
    assert told(host, threads(Role.VCPU, Role.VCPU), GuestSwitches()) == {}
