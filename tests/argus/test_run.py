"""``argus run`` as a real process: SQLite, a real mail server, and a Zabbix that is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from smtp_server import free_port, smtp_server

from argus import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smtp_server import Mailbox

CONFIG = """
[zabbix]
url = http://127.0.0.1:{zabbix}
token_file = {folder}/token
timeout = 0.5
[database]
url = sqlite:///{folder}/site.db
[correlator]
interval = 1
deliver_interval = 0.2
[smtp]
port = {smtp}
recipients = ops@example.org
timeout = 2
[thresholds]
source_cannot_be_read_hold = 1
"""


def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@contextmanager
def running(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "argus.cli", "run"]
    environment = {**os.environ, "ARGUS_CONFIG": str(config)}
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, mailbox: Mailbox) -> Path:
    (tmp_path / "token").write_text("0" * 64)
    file = tmp_path / "argus.conf"
    file.write_text(CONFIG.format(zabbix=free_port(), smtp=mailbox.port, folder=tmp_path))
    assert cli.main(["--config-file", str(file), "db", "upgrade"]) == 0
    return file


@pytest.mark.slow
def test_a_zabbix_that_cannot_be_reached_is_one_mail_and_one_open_incident(
    config: Path, mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a kill at each moment does is shown by tests/lab/test_correlator_failpoints.py."""

    def said(*words: str) -> str:
        capsys.readouterr()
        assert cli.main(["--config-file", str(config), *words]) in {0, 1}
        return capsys.readouterr().out

    with running(config, tmp_path / "log") as process:
        wait_until(lambda: bool(mailbox.raw))
        wait_until(lambda: "mail sent" in said("explain", "1"))
        assert "cannot reach Zabbix" in said("incidents")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert len(mailbox.raw) == 1
    assert "Argus is blind" in mailbox.mails[0]["Subject"]
    assert "stopped" in (tmp_path / "log").read_text()


def test_without_tables_it_says_what_to_run_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "argus.conf"
    file.write_text(f"[database]\nurl = sqlite:///{tmp_path}/new.db\n")
    assert cli.main(["--config-file", str(file), "run"]) == 2
    assert capsys.readouterr().err.endswith("run argus db upgrade\n")
