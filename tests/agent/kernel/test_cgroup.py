"""Control groups: the guest's directory in version 1, 2 and both, and the files in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus_agent.kernel.cgroup import (
    IoStat,
    directory,
    guest_scope,
    parse_io_stat,
    parse_membership,
    parse_throttle,
)
from argus_agent.kernel.pressure import parse_pressure

SCOPE = "/machine.slice/machine-qemu\\x2d1\\x2dinstance\\x2d0001.scope"
V1 = f"11:blkio:{SCOPE}/emulator\n4:cpu,cpuacct:{SCOPE}/emulator\n1:name=systemd:{SCOPE}\n0::{SCOPE}\n"


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (f"{SCOPE}/libvirt/emulator", SCOPE),
        (f"{SCOPE}/vcpu0", SCOPE),
        ("/machine/qemu-2-g1.libvirt-qemu/emulator", "/machine/qemu-2-g1.libvirt-qemu"),
        ("/user.slice", "/user.slice"),
    ],
)
def test_the_guest_is_above_its_threads(path: str, scope: str) -> None:
    assert guest_scope(path) == scope


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
    wanted = tmp_path / "cpu,cpuacct" / SCOPE.lstrip("/")
    wanted.mkdir(parents=True)
    assert directory(tmp_path, "cpuacct", parse_membership(V1)) == str(wanted)


@pytest.mark.parametrize("mount", ["unified", "."])
def test_version_2_is_found_at_the_root_or_beside_version_1(tmp_path: Path, mount: str) -> None:
    wanted = tmp_path / mount / SCOPE.lstrip("/")
    wanted.mkdir(parents=True)
    (tmp_path / mount / "cgroup.controllers").write_text("cpu io\n")
    assert directory(tmp_path, "cpu", parse_membership(f"0::{SCOPE}/libvirt/emulator\n")) == str(wanted)


def test_a_guest_that_is_gone_has_no_directory(tmp_path: Path) -> None:
    assert directory(tmp_path, "cpu", parse_membership(V1)) is None


def test_io_stat_passes_over_devices_without_io() -> None:
    text = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:0\n"
    assert parse_io_stat(text) == {"8:0": IoStat(1, 2, 3, 4)}


def test_throttle_files_leave_out_the_total() -> None:
    assert parse_throttle("8:0 Read 10\n8:0 Write 20\nTotal 30\n") == {"8:0": {"Read": 10, "Write": 20}}


def test_pressure_is_in_seconds() -> None:
    text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0 avg300=0 total=0\n"
    assert parse_pressure(text) == {"some": 2.5, "full": 0.0}


def test_a_line_without_a_total_is_refused() -> None:
    with pytest.raises(ValueError, match="not pressure stall"):
        parse_pressure("some avg10=0.00\n")
