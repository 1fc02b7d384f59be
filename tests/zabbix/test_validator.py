"""The committed templates pass the import validator of a real Zabbix frontend, where one is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path("/usr/share/zabbix")
SCRIPT = Path(__file__).parent / "validate.php"
TEMPLATES = sorted((Path(__file__).parents[2] / "zabbix_templates" / "6.0").glob("*.yaml"))

pytestmark = pytest.mark.skipif(
    not shutil.which("php") or not (FRONTEND / "include/classes/import").is_dir(),
    reason="needs php-cli and Debian's zabbix-frontend-php",
)


def validate(file: Path) -> subprocess.CompletedProcess[str]:
    command = ["php", str(SCRIPT), str(FRONTEND), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_zabbix_accepts_the_template(file: Path) -> None:
    done = validate(file)
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
    broken.write_text(TEMPLATES[0].read_text().replace(right, wrong))
    done = validate(broken)
    assert done.returncode == 1
    assert complaint in done.stdout
