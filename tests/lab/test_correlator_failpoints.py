"""Killed with SIGKILL at each named moment, ``argus run`` loses no page and no end, and tells none twice."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from empty_zabbix import empty_zabbix
from http_server import Inbox, http_server
from smtp_server import free_port

from argus.failpoints import POINTS, VARIABLE
from argus.store import reports
from argus.store.engine import open_store
from tests.lab.conftest import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.own]

CONFIG = """
[zabbix]
url = http://127.0.0.1:{zabbix}
token_file = {folder}/token
timeout = 2
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
source_cannot_be_read_keep = 1
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


def set_up(lab: Lab, folder: Path, zabbix: int, inbox: Inbox) -> None:
    (folder / "argus.conf").write_text(CONFIG.format(zabbix=zabbix, folder=folder))
    (folder / "routes.yaml").write_text(ROUTES.replace("URL", inbox.url))
    (folder / "token").write_text("0" * 64)
    made = lab.run("argus", "--config-file", f"{folder}/argus.conf", "db", "upgrade")
    assert made.returncode == 0, made.stderr


@contextmanager
def running(folder: Path) -> Iterator[None]:
    process = start(folder)
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_there_loses_nothing_and_tells_nothing_under_a_second_key(
    lab: Lab, tmp_path: Path, point: str
) -> None:
    zabbix = free_port()
    with http_server() as inbox:
        set_up(lab, tmp_path, zabbix, inbox)
        for kind in ("open", "resolve"):
            with empty_zabbix(zabbix) if kind == "resolve" else nullcontext():
                assert start(tmp_path, point).wait(120) == KILLED
                with running(tmp_path):
                    lab.wait_until(partial(delivered, tmp_path, kind), 120)
        check(inbox, twice=point == "after_send")


def delivered(folder: Path, kind: str) -> bool:
    store = open_store(f"sqlite:///{folder}/site.db")
    try:
        with store.read() as session:
            return any(row.kind == kind and row.state == "sent" for row in reports.messages(session, 1))
    finally:
        store.engine.dispose()


def check(inbox: Inbox, *, twice: bool) -> None:
    """The end after the beginning; a second time only where nobody can know, and then the same bytes.

    What else is read through Zabbix may be told as well, and the kill may then hit that: it is left out here.
    """
    mine = [each for each in inbox.requests if each.json["incident_id"] == 1]
    heard = [(each.json["kind"], each.headers["Idempotency-Key"], each.body) for each in mine]
    beginning, end = heard[0], heard[-1]
    assert (beginning[0], end[0]) == ("open", "resolve")
    ends = heard.count(end)
    assert ends in {1, 1 + twice}
    assert heard == [beginning] * (1 + twice) + [end] * ends
    assert beginning[1] != end[1], "one key for two messages"
