"""Control groups: the guest's directory in version 1, 2 and both, and the files in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus_agent.kernel.cgroup import (
    IoStat,
    directory,
    guest_scope,
    not_own,
    own_groups,
    parse_io_stat,
    parse_membership,
    parse_mounts,
    parse_throttle,
    shared,
)
from argus_agent.kernel.pressure import parse_pressure

MANUAL = "/machine/qemu-7-web.libvirt-qemu"
SCOPE = "/machine.slice/machine-qemu\\x2d1\\x2dinstance\\x2d0001.scope"
V1 = f"11:blkio:{SCOPE}/emulator\n4:cpu,cpuacct:{SCOPE}/emulator\n1:name=systemd:{SCOPE}\n0::{SCOPE}\n"


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (SCOPE, SCOPE),
        (f"{SCOPE}/libvirt/emulator", SCOPE),
        (f"{SCOPE}/libvirt", SCOPE),
        (f"{SCOPE}/vcpu0", SCOPE),
        (f"{SCOPE}/libvirt/iothread12", SCOPE),
        ("/machine.slice/machine-qemu\\x2dold.scope", "/machine.slice/machine-qemu\\x2dold.scope"),
        ("/machine/qemu-2-g1.libvirt-qemu/emulator", "/machine/qemu-2-g1.libvirt-qemu"),
        ("/machine/g1.libvirt-qemu/vcpu3", "/machine/g1.libvirt-qemu"),
        (
            "/gold.partition/qemu-2-db.scope.v1.2.libvirt-qemu",
            "/gold.partition/qemu-2-db.scope.v1.2.libvirt-qemu",
        ),
        (f"/docker.slice/docker-77.scope{MANUAL}/libvirt/vcpu1", f"/docker.slice/docker-77.scope{MANUAL}"),
        (
            f"/machine.slice/libpod-5c.scope/container{MANUAL}",
            f"/machine.slice/libpod-5c.scope/container{MANUAL}",
        ),
        (f"/../../machine.slice/libpod-5c.scope{MANUAL}", f"/../../machine.slice/libpod-5c.scope{MANUAL}"),
        (
            f"/kubepods.slice/cri-containerd-ab.scope{MANUAL}",
            f"/kubepods.slice/cri-containerd-ab.scope{MANUAL}",
        ),
        (
            f"/machine.slice/machine-qemu\\x2d1\\x2dnested.scope/payload{MANUAL}",
            f"/machine.slice/machine-qemu\\x2d1\\x2dnested.scope/payload{MANUAL}",
        ),
    ],
)
def test_the_guest_is_above_its_threads(path: str, scope: str) -> None:
    assert guest_scope(path) == scope


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/user.slice",
        "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-virt.scope",
        "/system.slice/libvirtd.service",
        "/system.slice/docker-77aa.scope",
        "/machine.slice/libpod-5c0f.scope/container",
        "/machine.slice/machine-lxc\\x2d4\\x2dbox.scope",
        "/machine/lxc-4-box.libvirt-lxc",
        "/machine.slice/machine-qemu\\x2dbox.scope/payload/system.slice/libvirtd.service",
        f"{SCOPE}/libvirt/emulator (deleted)",
        "/machine.slice/machine-qemu.slice",
    ],
)
def test_a_group_that_is_not_named_by_libvirt_is_no_guests(path: str) -> None:
    assert guest_scope(path) is None
    assert own_groups({"cpu": path, "": f"{SCOPE}/libvirt"}) == {"": SCOPE}
    assert not_own({"cpu": path, "": f"{SCOPE}/libvirt"}, {"": SCOPE}) == path


def test_a_group_that_two_guests_claim_is_found() -> None:
    same = {"": "/machine/a.libvirt-qemu"}
    assert shared([same, {"": "/machine/b.libvirt-qemu"}, dict(same)]) == {("", "/machine/a.libvirt-qemu")}


def test_an_odd_line_of_the_membership_costs_itself() -> None:
    assert parse_membership("oops\n\n2:cpu:/a:b\n0::/c\n") == {"cpu": "/a:b", "": "/c"}


def test_membership_names_each_controller() -> None:
    paths = parse_membership(V1)
    assert (paths["blkio"], paths["cpuacct"], paths["systemd"], paths[""]) == (
        f"{SCOPE}/emulator",
        f"{SCOPE}/emulator",
        SCOPE,
        SCOPE,
    )


def test_a_controller_of_version_1_is_found_under_its_mount(tmp_path: Path) -> None:
    wanted = tmp_path / "blkio" / SCOPE.lstrip("/")
    wanted.mkdir(parents=True)
    assert directory(tmp_path, "blkio", parse_membership(V1)) == str(wanted)


def test_a_joint_mount_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "cpuset" / SCOPE.lstrip("/")).mkdir(parents=True)
    wanted = tmp_path / "cpu,cpuacct" / SCOPE.lstrip("/")
    wanted.mkdir(parents=True)
    assert directory(tmp_path, "cpuacct", parse_membership(V1)) == str(wanted)
    assert directory(tmp_path, "cpu", parse_membership(V1)) == str(wanted)


@pytest.mark.parametrize("mount", ["unified", "."])
def test_version_2_is_found_at_the_root_or_beside_version_1(tmp_path: Path, mount: str) -> None:
    wanted = tmp_path / mount / SCOPE.lstrip("/")
    wanted.mkdir(parents=True)
    (tmp_path / mount / "cgroup.controllers").write_text("cpu io\n")
    assert directory(tmp_path, "cpu", parse_membership(f"0::{SCOPE}/libvirt/emulator\n")) == str(wanted)


def test_a_guest_that_is_gone_has_no_directory(tmp_path: Path) -> None:
    assert directory(tmp_path, "cpu", parse_membership(V1)) is None


def test_a_hierarchy_where_the_guest_has_no_group_is_not_replaced_by_another(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    (tmp_path / SCOPE.lstrip("/")).mkdir(parents=True)
    membership = {"cpu": "/system.slice/libvirtd.service", "": SCOPE}
    assert directory(tmp_path, "cpu", membership) is None
    assert directory(tmp_path, "", membership) is not None


@pytest.mark.parametrize(
    ("mounted", "path", "found"),
    [
        ("/", "/../../a.slice/qemu-1-a.libvirt-qemu", None),  # outside of what is mounted here
        ("/", "/a.slice/qemu-1-a.libvirt-qemu", "a.slice/qemu-1-a.libvirt-qemu"),
        ("/../..", "/../../a.slice/qemu-1-a.libvirt-qemu", "a.slice/qemu-1-a.libvirt-qemu"),
        ("/../..", "/../qemu-1-b.libvirt-qemu", "own.slice/qemu-1-b.libvirt-qemu"),
        ("/../..", "/qemu-1-c.libvirt-qemu", "own.slice/me.scope/qemu-1-c.libvirt-qemu"),
        ("/../..", "/../qemu-1-twice.libvirt-qemu", None),  # in two groups that may be meant
        ("/a.slice", "/a.slice/qemu-1-d.libvirt-qemu", "qemu-1-d.libvirt-qemu"),
        ("/b.slice", "/a.slice/qemu-1-a.libvirt-qemu", None),
    ],
)
def test_paths_are_seen_from_the_agents_cgroup_namespace(
    tmp_path: Path, mounted: str, path: str, found: str | None
) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    for name in (
        "a.slice/qemu-1-a.libvirt-qemu",
        "own.slice/qemu-1-b.libvirt-qemu",
        "own.slice/me.scope/qemu-1-c.libvirt-qemu",
        "own.slice/qemu-1-twice.libvirt-qemu",
        "a.slice/qemu-1-twice.libvirt-qemu",
        "qemu-1-d.libvirt-qemu",
    ):
        (tmp_path / name).mkdir(parents=True)
    wanted = None if found is None else str(tmp_path / found)
    assert directory(tmp_path, "cpu", {"": path}, {str(tmp_path): mounted}) == wanted


def test_mounts_of_control_groups_have_roots() -> None:
    text = (
        "30 25 0:26 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755\n"
        "31 30 0:27 /../.. /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
        "32 30 0:28 /machine.slice/a\\134x2db /mnt/a\\040b rw - cgroup cgroup rw,cpu\n\ncut off\n"
    )
    assert parse_mounts(text) == {
        "/sys/fs/cgroup/unified": "/../..",
        "/mnt/a b": "/machine.slice/a\\x2db",
    }


@pytest.mark.parametrize(
    ("line", "devices"),
    [
        (
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0 cost.usage=12 cost.vrate=100.00",
            {"8:0": (1, 2, 3, 4)},
        ),
        ("8:0 rbytes=1 wbytes=2 rios=3 wios=4 depth=max avg_lat=12", {"8:0": (1, 2, 3, 4)}),
        ("7:1 7:0 8:0 rbytes=1 wbytes=2 rios=3 wios=4", {"8:0": (1, 2, 3, 4)}),
        ("8:0 cost.usage=0", {}),
        ("8:0 rbytes=7", {"8:0": (7, None, None, None)}),
        ("8:0 rbytes=-1 wbytes= rios=x wios=4", {"8:0": (None, None, None, 4)}),
        ("(unknown) rbytes=1 wbytes=2 rios=3 wios=4", {}),
        ("252:0 ", {}),
        ("rbytes=1 wbytes=2", {}),
        ("", {}),
    ],
)
def test_an_odd_line_of_io_stat_costs_itself_alone(
    line: str, devices: dict[str, tuple[int | None, ...]]
) -> None:
    good = "8:16 rbytes=5 wbytes=6 rios=7 wios=8 dbytes=0 dios=0"
    for text in (f"{line}\n{good}\n", f"{good}\n{line}\n"):
        assert parse_io_stat(text) == {**devices, "8:16": (5, 6, 7, 8)}


def test_io_stat_passes_over_devices_without_io() -> None:
    text = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:0\n"
    assert parse_io_stat(text) == {"8:0": IoStat(1, 2, 3, 4)}


def test_throttle_files_leave_out_the_total() -> None:
    text = "8:0 Read 10\n8:0 Write 20\n(unknown) Read 4\n8:0 Sync ?\nTotal 30\n"
    assert parse_throttle(text) == {"8:0": {"Read": 10, "Write": 20}}


def test_pressure_is_in_seconds() -> None:
    text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0 avg300=0 total=0\n"
    assert parse_pressure(text) == {"some": 2.5, "full": 0.0}


def test_a_line_without_a_total_is_refused() -> None:
    with pytest.raises(ValueError, match="not pressure stall"):
        parse_pressure("some avg10=0.00\n")
