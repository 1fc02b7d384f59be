"""A Zabbix that is dead, in whichever part, is one page that monitoring is blind, its end, nothing else.

The lab's own server, frontend and database are stopped for less than its own correlator waits for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_server import Inbox, http_server

from argus.store import pulses, schema
from argus.store.engine import open_store
from stack.components.postgres import Postgres
from stack.components.zabbix_server import ZabbixServer
from stack.components.zabbix_web import ZabbixWeb
from stack.processes import signal_pid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from argus.store.engine import Store
    from stack.lab import Lab as Stack
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

CONFIG = """
[zabbix]
url = {zabbix}
token_file = {token}
timeout = 5
[database]
url = sqlite:///{folder}/argus.db
[correlator]
interval = 2
stale_after = 20
guest_incidents = none
routes_file = {folder}/routes.yaml
[thresholds]
node_does_not_report_hold = 3
node_does_not_report_keep = 3
libvirtd_does_not_answer_hold = 3
source_cannot_be_read_hold = 3
source_cannot_be_read_keep = 3
"""
ROUTES = """
receivers:
  - name: ops
    webhook_configs: [{url: "URL", probe: false}]
route: {receiver: ops}
"""

SECONDS = 90  # for what takes a few, on a machine that does other things as well
AFTER = 25  # seconds for whatever is false to come: as long as a node may be silent, and its hold
# true of this machine, whatever becomes of Zabbix
LOAD = (
    "node_is_full",
    "overcommit_hurts_guests",
    "fleet_overcommit_hurts_guests",
    "zabbix_reports_a_problem",  # steal of guests that share two CPUs with the tests
)
STRANGERS = ("lab-node2",)  # other tests leave it in Zabbix, silent
ONE_PAGE = [("source_cannot_be_read", "open"), ("source_cannot_be_read", "resolve")]


@dataclass
class Watch:
    """A correlator of the test's own, in one process, that looks at the lab's Zabbix."""

    inbox: Inbox
    store: Store

    def heard(self) -> list[tuple[str, str]]:
        told = [request.json for request in self.inbox.requests]
        about = [each for each in told if each["rule"] not in LOAD and each["subject"] not in STRANGERS]
        return [(each["rule"], each["kind"]) for each in about]

    def pulse(self) -> pulses.Pulse | None:
        with self.store.read() as session:
            return pulses.get(session)


@pytest.fixture
def watch(lab: Lab, tmp_path: Path) -> Iterator[Watch]:
    with http_server() as inbox:
        token = lab.stack.run / "secrets" / "zabbix_token"
        (tmp_path / "argus.conf").write_text(
            CONFIG.format(zabbix=lab.zabbix_url, token=token, folder=tmp_path)
        )
        (tmp_path / "routes.yaml").write_text(ROUTES.replace("URL", inbox.url))
        store = open_store(f"sqlite:///{tmp_path}/argus.db")
        schema.upgrade(store)
        with running(tmp_path):
            made = Watch(inbox, store)
            lab.wait_until(lambda: awake_for(made, 10), SECONDS)
            yield made


@contextmanager
def running(folder: Path) -> Iterator[None]:
    command = [str(Path(sys.executable).parent / "argus"), "run"]
    environment = {**os.environ, "ARGUS_CONFIG": f"{folder}/argus.conf"}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def awake_for(watch: Watch, seconds: float) -> bool:
    """Whether Zabbix' server has been seen alive for so long, and now."""
    pulse = watch.pulse()
    return pulse is not None and not pulse.lost and pulse.seen_at - pulse.awake_since >= seconds


@contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """Every process of the server as if it were not scheduled: the kernel still takes connections for it."""
    members = stack.processes.members("zabbix-server")
    for pid in members:
        signal_pid(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in members:
            signal_pid(pid, signal.SIGCONT)


@contextmanager
def killed(stack: Stack) -> Iterator[None]:
    for pid in stack.processes.members("zabbix-server"):
        signal_pid(pid, signal.SIGKILL)
    try:
        yield
    finally:
        ZabbixServer().start(stack)


@contextmanager
def without_frontend(stack: Stack) -> Iterator[None]:
    ZabbixWeb().stop(stack)
    try:
        yield
    finally:
        ZabbixWeb().start(stack)


@contextmanager
def without_database(stack: Stack) -> Iterator[None]:
    """Server and frontend live on, and find their database away."""
    Postgres().stop(stack)
    try:
        yield
    finally:
        Postgres().start(stack)


@pytest.mark.parametrize("fault", [paused, killed, without_frontend, without_database])
def test_a_part_of_zabbix_that_is_dead_is_one_page_and_its_end(
    lab: Lab, watch: Watch, fault: Callable[[Stack], AbstractContextManager[None]]
) -> None:
    begin = time.time()
    with fault(lab.stack):
        lab.wait_until(lambda: watch.heard() == ONE_PAGE[:1], SECONDS)
    (opened,) = (each for each in watch.inbox.requests if each.json["rule"] == "source_cannot_be_read")
    assert "Monitoring is blind" in opened.json["summary"]
    assert abs(float(opened.json["since"]) - begin) < 12, "since the last sign of life"
    lab.wait_until(lambda: awake_for(watch, AFTER), SECONDS + AFTER)
    assert watch.heard() == ONE_PAGE
