"""The correlator on PostgreSQL and Redis: processes that race or are killed still send one mail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from prometheus_client.parser import text_string_to_metric_families
from smtp_server import free_port, smtp_server
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from argus.store import reports, schema
from argus.store.engine import Store, open_store
from argus.store.models import Base, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_server import Mailbox

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

CONFIG = """
[zabbix]
url = http://127.0.0.1:{zabbix}
token_file = {folder}/token
timeout = 0.5
[database]
url_file = {folder}/url
[celery]
broker_url_file = {folder}/broker
schedule_file = {folder}/beat
[correlator]
interval = 1
deliver_interval = 0.5
[smtp]
port = {smtp}
recipients = ops@example.org
timeout = 4
[thresholds]
source_cannot_be_read_hold = 1
"""
UNUSED_REDIS_DATABASE = 9


@dataclass(frozen=True)
class Site:
    """A correlator of the test's own: a schema in the lab's PostgreSQL, a database in its Redis."""

    folder: Path
    store: Store
    mailbox: Mailbox

    @contextmanager
    def start(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        environment = {**os.environ, "ARGUS_CONFIG": f"{self.folder}/argus.conf"}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def owner_of_a_leased_message(self) -> int | None:
        with self.store.read() as session:
            row = session.scalars(select(OutboxRow).where(OutboxRow.state == "leased")).first()
        return int(row.owner.split(":")[1]) if row else None

    def incidents(self) -> int:
        with self.store.read() as session:
            return len(reports.incidents(session, ("pending", "open", "resolved")))


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    lab_store = open_store(lab.database_url)
    with lab_store.write() as session:
        session.execute(text(f"CREATE SCHEMA {name}"))
    url = make_url(lab.database_url).update_query_dict({"options": f"-csearch_path={name}"})
    store = open_store(url.render_as_string(hide_password=False))
    broker, _, _ = lab.redis_url.rpartition("/")
    (tmp_path / "url").write_text(url.render_as_string(hide_password=False))
    (tmp_path / "broker").write_text(f"{broker}/{UNUSED_REDIS_DATABASE}")
    (tmp_path / "token").write_text("0" * 64)
    try:
        schema.upgrade(store)
        with smtp_server() as mailbox:
            words = CONFIG.format(zabbix=free_port(), smtp=mailbox.port, folder=tmp_path)
            (tmp_path / "argus.conf").write_text(words)
            yield Site(tmp_path, store, mailbox)
    finally:
        store.engine.dispose()
        with lab_store.write() as session:
            session.execute(text(f"DROP SCHEMA {name} CASCADE"))
        lab_store.engine.dispose()


def test_migrations_lead_to_the_models_in_postgresql_too(site: Site) -> None:
    with site.store.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_processes_that_race_open_one_incident_and_send_one_mail(lab: Lab, site: Site) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(site.start("argus", "run"))
        lab.wait_until(lambda: site.mailbox.raw, 60)
        lab.wait_until(lambda: site.owner_of_a_leased_message() is None, 10)
    assert len(site.mailbox.raw) == 1
    assert site.incidents() == 1


def test_a_celery_worker_killed_while_it_sends_is_replaced_and_there_is_still_one_mail(
    lab: Lab, site: Site
) -> None:
    site.mailbox.stalled = 1
    with (
        site.start("celery", "-A", "argus.app", "worker", "-c", "2", "-n", "killed@%h"),
        site.start("celery", "-A", "argus.app", "worker", "-c", "2", "-n", "other@%h"),
        site.start("celery", "-A", "argus.app", "beat", "--pidfile="),
    ):
        sender = lab.wait_until(site.owner_of_a_leased_message, 90)
        assert sender is not None
        os.kill(sender, signal.SIGKILL)
        lab.wait_until(lambda: site.mailbox.raw, 90)
        lab.wait_until(lambda: site.owner_of_a_leased_message() is None, 10)
    assert len(site.mailbox.raw) == 1
    with site.store.read() as session:
        (message,) = reports.messages(session, 1)
    assert (message.state, message.maybe_sent) == ("sent", True)
    assert message.attempts >= 2


def test_a_postgresql_that_refuses_the_password_is_one_clear_line(lab: Lab, site: Site) -> None:
    wrong = make_url(lab.database_url).set(password="hunter2")
    (site.folder / "url").write_text(wrong.render_as_string(hide_password=False))
    done = lab.run("argus", "--config-file", f"{site.folder}/argus.conf", "incidents")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "password authentication failed" in done.stderr
    assert "hunter2" not in done.stderr


def listed(lab: Lab) -> set[tuple[str, str]]:
    done = lab.run("argus", "incidents", "--format", "json")
    assert done.returncode == 0, done.stderr
    return {(row["rule"], row["subject"]) for row in json.loads(done.stdout)}


def exported(lab: Lab) -> set[tuple[str, str]]:
    with urllib.request.urlopen(lab.argus_metrics_url, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    name = "argus_incident_opened_timestamp_seconds"
    return {(s.labels["rule"], s.labels["subject"]) for s in samples if s.name == name}


def test_commands_and_metrics_tell_the_same_story(lab: Lab) -> None:
    lab.wait_until(lambda: listed(lab) == exported(lab), 60)  # they may be asked on both sides of a change
