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
INSTALLED = "/opt/argus/bin"


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


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (*UNITS, *EXAMPLES):
        here = unit.read_text().replace(INSTALLED, sysconfig.get_path("scripts"))
        (tmp_path / unit.name).write_text(here)
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(unit) for unit in tmp_path.iterdir())],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in verify.stderr.splitlines() if "argus" in line]
    assert (verify.returncode, complaints) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize(
    "unit", [u for u in (*UNITS, *EXAMPLES) if u.suffix == ".service"], ids=lambda unit: unit.name
)
def test_systemd_calls_the_exposure_of_a_daemon_ok(unit: Path) -> None:
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=50", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout.splitlines()[-1]
