"""The committed templates pass the import validator of a real Zabbix frontend, where one is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "validate.php"
FRONTENDS = {
    "6.0": Path("/usr/share/zabbix"),  # Debian 12's zabbix-frontend-php
    "7.0": TOP / "lab" / "run" / "zabbix7" / "root" / "usr" / "share" / "zabbix",  # the lab's, once it was up
}
FILES = {version: sorted((TOP / "zabbix_templates" / version).glob("*.yaml")) for version in FRONTENDS}
CASES = [pytest.param(v, file, id=f"{v}-{file.stem}") for v, files in FILES.items() for file in files]


def validate(version: str, file: Path) -> subprocess.CompletedProcess[str]:
    frontend = FRONTENDS[version]
    if not shutil.which("php") or not (frontend / "include/classes/import").is_dir():
        pytest.skip(f"needs php-cli and the web pages of Zabbix {version} in {frontend}")
    command = ["php", str(SCRIPT), str(frontend), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(("version", "file"), CASES)
def test_zabbix_accepts_the_template(version: str, file: Path) -> None:
    done = validate(version, file)
    assert (done.returncode, done.stdout) == (0, "valid\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        pytest.param("type: TRAP", "type: TRAPPER", "unexpected constant", id="unknown item type"),
        pytest.param("history: '0'", "history: 0", "character string", id="number instead of text"),
    ],
)
def test_the_validator_would_refuse_a_mistake(tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(FILES["6.0"][0].read_text().replace(right, wrong))
    done = validate("6.0", broken)
    assert done.returncode == 1
    assert complaint in done.stdout
