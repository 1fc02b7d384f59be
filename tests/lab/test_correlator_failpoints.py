"""Killed with SIGKILL at each named moment, ``argus run`` loses no page and no end, and tells none twice."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from empty_zabbix import empty_zabbix
from http_server import Inbox, http_server
from smtp_server import free_port

from argus.failpoints import POINTS, VARIABLE
from tests.lab.conftest import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_there_loses_no_page_and_makes_no_second_one(lab: Lab, tmp_path: Path, point: str) -> None:
    with http_server() as inbox:
        set_up(lab, tmp_path, free_port(), inbox)
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


def delivered(lab: Lab, folder: Path, kind: str = "open") -> bool:
    done = lab.run("argus", "--config-file", f"{folder}/argus.conf", "explain", "1")
    return f"{kind} to webhook:ops: sent" in done.stdout


def check(inbox: Inbox, *, twice: bool) -> None:
    """One page; a second time only where nobody can know that it was taken, and then the same bytes."""
    assert len(inbox.requests) == 1 + twice
    keys = {(request.headers["Idempotency-Key"], request.body) for request in inbox.requests}
    assert len(keys) == 1


@dataclass
class Outage:
    """One correlator, and the moment of the end in which it is killed."""

    point: str
    folder: Path
    inbox: Inbox

    @contextmanager
    def running(self, point: str = "") -> Iterator[subprocess.Popen[bytes]]:
        process = start(self.folder, point)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    def heard(self) -> list[tuple[str, str, bytes]]:
        requests = self.inbox.requests
        return [(each.json["kind"], each.headers["Idempotency-Key"], each.body) for each in requests]


def test_a_kill_at_any_moment_of_the_end_tells_it_after_the_beginning_under_one_key(
    lab: Lab, tmp_path: Path
) -> None:
    """One correlator a failpoint, all at a time: an outage must be over for half a minute to end."""
    port = free_port()
    with ExitStack() as stack:
        outages = [Outage(point, tmp_path / point, stack.enter_context(http_server())) for point in POINTS]
        for each in outages:
            each.folder.mkdir()
            set_up(lab, each.folder, port, each.inbox)
        with ExitStack() as first:
            for each in outages:
                first.enter_context(each.running())
            lab.wait_until(lambda: all(delivered(lab, each.folder) for each in outages), 90)
        with empty_zabbix(port):
            with ExitStack() as dying:
                processes = [dying.enter_context(each.running(each.point)) for each in outages]
                assert [process.wait(120) for process in processes] == [KILLED] * len(POINTS)
            with ExitStack() as again:
                for each in outages:
                    again.enter_context(each.running())
                lab.wait_until(lambda: all(delivered(lab, each.folder, "resolve") for each in outages), 120)
    for each in outages:
        beginning, *ends = each.heard()
        assert beginning[0] == "open"
        assert [kind for kind, _, _ in ends] == ["resolve"] * (1 + (each.point == "after_send"))
        assert len(set(ends)) == 1, "a second key, or other bytes under the same"
        assert ends[0][1] != beginning[1]
