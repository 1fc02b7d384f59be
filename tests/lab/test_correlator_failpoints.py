"""Killed with SIGKILL at each named moment, ``argus run`` loses no page and sends none under a second key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from http_server import Inbox, http_server
from smtp_server import free_port

from argus.failpoints import POINTS, VARIABLE
from tests.lab.conftest import Lab

pytestmark = [pytest.mark.lab, pytest.mark.own]

CONFIG = """
[zabbix]
url = http://127.0.0.1:{zabbix}
token_file = {folder}/token
timeout = 0.2
[database]
url = sqlite:///{folder}/site.db
[correlator]
interval = 1
deliver_interval = 0.5
routes_file = {folder}/routes.yaml
[smtp]
timeout = 1
[thresholds]
source_cannot_be_read_hold = 0
"""
ROUTES = """
receivers:
  - name: ops
    webhook_configs: [{url: "URL", probe: false}]
route: {receiver: ops}
"""
KILLED = -9


def start(folder: Path, point: str = "") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ARGUS_CONFIG": f"{folder}/argus.conf", VARIABLE: point}
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "argus.cli", "run"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_there_loses_no_page_and_makes_no_second_one(lab: Lab, tmp_path: Path, point: str) -> None:
    with http_server() as inbox:
        words = CONFIG.format(zabbix=free_port(), folder=tmp_path)
        (tmp_path / "argus.conf").write_text(words)
        (tmp_path / "routes.yaml").write_text(ROUTES.replace("URL", inbox.url))
        (tmp_path / "token").write_text("0" * 64)
        made = lab.run("argus", "--config-file", f"{tmp_path}/argus.conf", "db", "upgrade")
        assert made.returncode == 0, made.stderr
        assert start(tmp_path, point).wait(40) == KILLED
        told_before = len(inbox.requests)
        after = start(tmp_path)
        try:
            lab.wait_until(lambda: told_before + (point != "after_settle") <= len(inbox.requests), 40)
            lab.wait_until(lambda: delivered(lab, tmp_path), 10)
        finally:
            after.kill()
            after.wait(10)
        check(inbox, twice=point == "after_send")


def delivered(lab: Lab, folder: Path) -> bool:
    done = lab.run("argus", "--config-file", f"{folder}/argus.conf", "explain", "1")
    return "open to webhook:ops: sent" in done.stdout


def check(inbox: Inbox, *, twice: bool) -> None:
    """One page; a second time only where nobody can know that it was taken, and then the same bytes."""
    assert len(inbox.requests) == 1 + twice
    keys = {(request.headers["Idempotency-Key"], request.body) for request in inbox.requests}
    assert len(keys) == 1
