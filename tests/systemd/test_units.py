"""The unit files are ones that systemd itself accepts, and they start commands that exist."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(FOLDER.glob("argus*"))
EXAMPLES = sorted((FOLDER / "examples").glob("argus*"))
AGENT_DROP_INS = sorted((FOLDER / "examples").glob("agent-*.conf"))
INSTALLED = "/opt/argus/bin"
MOST_EXPOSED = 22  # 2.2, in tenths as systemd-analyze takes it


def _read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys are case sensitive
    parser.read_string(unit.read_text())
    return parser


def test_every_unit_of_the_contract_is_there() -> None:
    assert {unit.name for unit in UNITS} == {
        "argus-agent.service",
        "argus-beat.service",
        "argus-exporter.service",
        "argus-worker.service",
        "argus.service",
        "argus.target",
    }


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".service"], ids=lambda unit: unit.name)
def test_the_command_of_the_unit_is_installed_by_the_package(unit: Path) -> None:
    command = _read(unit)["Service"]["ExecStart"].split()[0]
    assert command.startswith(f"{INSTALLED}/")
    assert (Path(sysconfig.get_path("scripts")) / Path(command).name).is_file()


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_daemon_runs_without_root_and_comes_back_after_a_crash(unit: Path) -> None:
    service = _read(unit)["Service"]
    assert (service["User"], service["Restart"], service["NoNewPrivileges"]) == ("argus", "always", "yes")


def test_the_agent_needs_no_group_that_a_node_may_lack() -> None:
    service = _read(FOLDER / "argus-agent.service")["Service"]
    assert "SupplementaryGroups" not in service
    install = (FOLDER.parent / "README.md").read_text()
    (useradd, *_) = [line for line in install.splitlines() if "useradd" in line]
    assert "--groups" not in useradd


def test_the_agent_starts_after_either_daemon_of_libvirt_and_needs_none() -> None:
    unit = _read(FOLDER / "argus-agent.service")["Unit"]
    assert {"libvirtd.service", "virtqemud.service"} <= set(unit["After"].split())
    assert "Requires" not in unit
    assert "virt" not in unit["Wants"]


def test_a_worker_that_is_stopped_is_asked_and_its_tasks_are_not_killed() -> None:
    assert _read(FOLDER / "argus-worker.service")["Service"]["KillMode"] == "mixed"


@pytest.mark.parametrize(
    "unit", [u for u in (*UNITS, *EXAMPLES) if u.suffix == ".service"], ids=lambda unit: unit.name
)
def test_a_system_call_that_is_not_allowed_is_an_error_and_not_the_end(unit: Path) -> None:
    service = _read(unit)["Service"]
    assert service["SystemCallErrorNumber"] == "EPERM"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (*UNITS, *EXAMPLES):
        here = unit.read_text().replace(INSTALLED, sysconfig.get_path("scripts"))
        (tmp_path / unit.name).write_text(here)
    assert _complaints(tmp_path) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize("drop_in", AGENT_DROP_INS, ids=lambda drop_in: drop_in.name)
def test_systemd_accepts_the_agent_with_each_drop_in(drop_in: Path, tmp_path: Path) -> None:
    name = "argus-agent.service"
    here = (FOLDER / name).read_text().replace(INSTALLED, sysconfig.get_path("scripts"))
    (tmp_path / name).write_text(here)
    (tmp_path / f"{name}.d").mkdir()
    shutil.copy(drop_in, tmp_path / f"{name}.d")
    assert _complaints(tmp_path) == []


def _complaints(folder: Path) -> list[str]:
    """What systemd says of the units in the folder; a failure without a word is one too."""
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(u) for u in folder.iterdir() if u.is_file())],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in verify.stderr.splitlines() if "argus" in line]
    return complaints or ([f"exit code {verify.returncode}"] if verify.returncode else [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize(
    "unit", [u for u in (*UNITS, *EXAMPLES) if u.suffix == ".service"], ids=lambda unit: unit.name
)
def test_systemd_rates_the_exposure_of_a_daemon_as_low(unit: Path) -> None:
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout.splitlines()[-1]
