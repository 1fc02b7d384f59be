"""Whatever is killed, the receiver's log holds every page once, under one key, and its end after it.

PostgreSQL and Redis are the test's own, real and on one bring-up, so that they can be killed; workers and
beat are what systemd would start, and start again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from empty_zabbix import empty_zabbix
from http_server import Inbox, http_server
from smtp_server import free_port
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from argus.errors import ArgusError
from argus.store import reports, schema
from argus.store.engine import Store, open_store
from argus.store.models import IncidentRow, OutboxRow
from stack.components.argus_setup import database_url
from stack.components.postgres import Postgres
from stack.components.redis import Redis, redis_url
from stack.errors import LabError
from stack.lab import TOP
from stack.lab import Lab as Stack
from stack.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.lab, pytest.mark.own]

CONFIG = """
[zabbix]
url = {zabbix}
token_file = {folder}/token
timeout = 3
[database]
url_file = {folder}/url
[celery]
broker_url_file = {folder}/broker
schedule_file = {folder}/beat
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
WORKER = ("worker", "-c", "2", "--without-gossip", "--without-mingle")
BEAT = ("beat", "--pidfile=")
SECONDS = 120  # for what takes a few, on a machine that does other things as well


@pytest.fixture(scope="module")
def servers() -> Iterator[Stack]:
    """PostgreSQL and Redis that nobody else uses."""
    stack = Stack.open(TOP / "lab" / "run" / "spare")
    stack.prepare()
    parts = (Postgres(), Redis())
    try:
        for part in parts:
            part.start(stack)
        yield stack
    finally:
        for part in parts:
            part.stop(stack)


@dataclass
class Site:
    """A correlator with a schema of its own; Zabbix cannot be read, which is one page."""

    folder: Path
    servers: Stack
    store: Store
    inbox: Inbox
    zabbix: int  # the port at which nobody answers, until the trouble ends
    processes: ExitStack = field(default_factory=ExitStack)
    kept: dict[tuple[str, ...], subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start ``celery -A argus.app WORDS``, and again when it ends: the units have Restart=always."""
        command = [str(Path(sys.executable).parent / "celery"), "-A", "argus.app", *words]
        environment = {**os.environ, "ARGUS_CONFIG": f"{self.folder}/argus.conf"}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
        self.processes.callback(kill, process)
        self.kept[words] = process
        return process

    def wait(self, condition: Callable[[], object]) -> None:
        def ask() -> object:
            for words, process in list(self.kept.items()):
                if process.poll() is not None:
                    self.start(*words)
            return condition()

        assert wait_until(ask, SECONDS, 0.2), (self.folder / "log").read_text()[-4000:]

    def rows(self) -> tuple[list[IncidentRow], list[OutboxRow]]:
        with self.store.read() as session:
            messages = select(OutboxRow).order_by(OutboxRow.id)
            return list(session.scalars(select(IncidentRow))), list(session.scalars(messages))

    def delivered(self, kind: str = "open") -> bool:
        with suppress(ArgusError):  # while PostgreSQL is away
            return any(row.kind == kind and row.state == "sent" for row in self.rows()[1])
        return False

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Zabbix answers again, and the receiver has heard that it is over."""
        with empty_zabbix(self.zabbix):
            self.wait(lambda: self.delivered("resolve"))
            yield

    def ran(self, job: str) -> int:
        with self.store.read() as session:
            return next((row.runs for row in reports.progress(session) if row.task == job), 0)


def kill(process: subprocess.Popen[bytes]) -> None:
    """As by the kernel or a power cut: the process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@pytest.fixture
def site(servers: Stack, tmp_path: Path) -> Iterator[Site]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    whole = open_store(database_url(servers))
    with whole.write() as session:
        session.execute(text(f"CREATE SCHEMA {name}"))
    whole.engine.dispose()
    url = make_url(database_url(servers)).update_query_dict({"options": f"-csearch_path={name}"})
    (tmp_path / "url").write_text(url.render_as_string(hide_password=False))
    (tmp_path / "broker").write_text(redis_url(servers))
    (tmp_path / "token").write_text("0" * 64)
    zabbix = free_port()
    config = CONFIG.format(zabbix=f"http://127.0.0.1:{zabbix}", folder=tmp_path)
    (tmp_path / "argus.conf").write_text(config)
    store = open_store(url.render_as_string(hide_password=False))
    schema.upgrade(store)
    with http_server() as inbox, ExitStack() as processes:
        (tmp_path / "routes.yaml").write_text(ROUTES.replace("URL", inbox.url))
        yield Site(tmp_path, servers, store, inbox, zabbix, processes)
    store.engine.dispose()
    with redis.Redis.from_url(redis_url(servers)) as client:
        client.flushall()


@contextmanager
def killed(servers: Stack, name: str) -> Iterator[None]:
    """A server that dies without a word; the component starts it again on the same data and port."""
    pid = servers.processes.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)  # our child: as long as nobody asks, PostgreSQL's lock file holds
    try:
        yield
    finally:
        assert wait_until(lambda: started(servers, name), 30, 0.5)


def started(servers: Stack, name: str) -> bool:
    """Tell whether it is up again; PostgreSQL refuses as long as a backend of the dead one lives."""
    server = Postgres() if name == "postgres" else Redis()
    try:
        server.start(servers)
    except LabError:
        return False
    return True


def check(site: Site) -> None:
    """Compare the receiver's log with the database and with the invariants of delivery."""
    incidents, messages = site.rows()
    paged = {row.id: row for row in incidents if row.rule == "source_cannot_be_read"}
    assert len(paged) == 1, "Zabbix is away: one trouble"
    assert {row.state for row in messages if row.incident_id in paged} == {"sent"}, "lost or given up"
    accepted: dict[tuple[int, str], int] = {}
    same: dict[tuple[int, str], set[tuple[str, bytes]]] = {}
    for number, request in enumerate(site.inbox.requests):
        told = (request.json["incident_id"], request.json["kind"])
        if told[0] not in paged:  # of the receiver itself, which takes no messages
            continue
        same.setdefault(told, set()).add((request.headers["Idempotency-Key"], request.body))
        if request.answer == 202:
            accepted.setdefault(told, number)
    assert all(len(keys) == 1 for keys in same.values()), "a second key, or other bytes under the same"
    keys = [key for each in same.values() for key, _ in each]
    assert len(set(keys)) == len(keys), "one key for two messages"
    for row in paged.values():
        assert (row.id, "open") in accepted, "a page was lost"
        assert row.phase == "resolved"
        assert accepted[row.id, "open"] < accepted[row.id, "resolve"], "an end before its beginning"


def test_a_receiver_that_takes_a_page_and_then_fails_in_every_way_gets_it_under_one_key(site: Site) -> None:
    site.inbox.answers[:] = ["stall", "reset", 500, 429]
    site.inbox.headers["Retry-After"] = "0"
    sending = site.start(*WORKER, "-n", "a@%h")
    site.start(*WORKER, "-n", "b@%h")
    beat = site.start(*BEAT)
    site.wait(lambda: site.inbox.requests)
    kill(sending)  # perhaps the one that waits for an answer that never comes
    kill(beat)
    site.wait(site.delivered)
    assert [request.answer for request in site.inbox.requests][:4] == ["stall", "reset", 500, 429]
    with site.ended():
        check(site)


def test_a_redis_that_is_flushed_killed_and_started_empty_costs_no_page(site: Site, servers: Stack) -> None:
    site.inbox.answers[:] = [500]
    site.inbox.headers["Retry-After"] = "3"
    site.start(*WORKER, "-n", "a@%h")
    site.start(*BEAT)
    site.wait(lambda: site.inbox.requests)
    with redis.Redis.from_url(redis_url(servers)) as client:
        client.flushall()
    with killed(servers, "redis"):
        pass
    site.wait(site.delivered)
    before = site.ran("correlate")
    site.wait(lambda: site.ran("correlate") > before + 1)
    with site.ended():
        check(site)


def test_a_worker_whose_broker_died_for_good_still_pages(site: Site, servers: Stack) -> None:
    site.start(*WORKER, "-n", "a@%h")
    with redis.Redis.from_url(redis_url(servers)) as client:
        site.wait(lambda: client.exists("_kombu.binding.argus"))  # it is connected
    with killed(servers, "redis"):
        site.wait(site.delivered)
        assert "running it here" in (site.folder / "log").read_text()
        with site.ended():
            check(site)


def test_a_postgresql_that_is_killed_while_a_page_is_on_its_way_costs_no_page(
    site: Site, servers: Stack
) -> None:
    site.inbox.answers[:] = ["stall"]
    site.start(*WORKER, "-n", "a@%h")
    site.start(*WORKER, "-n", "b@%h")
    site.start(*BEAT)
    site.wait(lambda: site.inbox.requests)
    with killed(servers, "postgres"):
        pass
    site.inbox.stopping.set()  # it breaks off what it has not answered
    site.wait(site.delivered)
    with site.ended():
        check(site)
