"""What people do about incidents: acknowledge and take it back, snooze, and commands that refuse typos."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick
from sqlalchemy import insert

from argus import cli, operating, reminders, silencing
from argus.delivery import deliver
from argus.errors import ArgusError
from argus.people import author
from argus.routing.times import Window
from argus.site import Site
from argus.store import reports, silences
from argus.store.engine import Store, StoreError, open_store
from argus.store.models import IncidentRow

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
  - name: boss
    webhook_configs: [{url: "URL/boss"}]
route: {receiver: ops, escalate: [{after: 15m, receiver: boss}]}
"""


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    world.now = time.time() - 3600
    return one_node(store, world, inbox, tmp_path, ROUTES)


@pytest.fixture
def config(store: Store, tmp_path: Path) -> str:
    file = tmp_path / "argus.conf"
    file.write_text(f"[database]\nurl = {store.engine.url}\n")
    return str(file)


def run(config: str, *words: str) -> int:
    return cli.main(["--config-file", config, *words])


def pending(site: Site) -> Site:
    """Return the same site where libvirtd must be away for ten minutes."""
    return replace(site, policy=replace(site.policy, holds={"libvirtd_does_not_answer": 600.0}))


def test_an_incident_that_is_acknowledged_while_it_is_pending_pages_nobody_when_it_opens(
    site: Site, world: World, inbox: Inbox
) -> None:
    held = pending(site)
    tick(held, world, up=0)
    operating.ack(site.store, 1, "ann")
    tick(held, world, up=0, after=700)
    tick(held, world, up=0, after=2000)
    with site.store.read() as session:
        row = reports.incident(session, 1)
        assert row is not None
        assert (row.phase, row.acked_by) == ("open", "ann")
        assert [(each.what, each.detail) for each in reports.decisions(session, 1)][-1] == (
            "held back",
            "acknowledged by ann: nobody else is told",
        )
    assert heard(inbox) == []
    operating.undo(site.store, 1, "bob")
    world.now = time.time()
    tick(held, world, up=0)
    assert heard(inbox) == [("ops", "open")]


def test_an_acknowledgement_that_is_taken_back_escalates_as_if_it_had_not_been(
    site: Site, world: World, inbox: Inbox
) -> None:
    tick(site, world, up=0)
    operating.ack(site.store, 1, "ann")
    tick(site, world, up=0, after=1000)
    assert heard(inbox) == [("ops", "open")]
    operating.undo(site.store, 1, "bob")
    world.now = time.time()
    tick(site, world, up=0)
    assert [each for each in heard(inbox) if each[1] == "open"] == [("ops", "open"), ("boss", "open")]
    with site.store.read() as session:
        last = next(row for row in reports.decisions(session, 1) if row.what == "ack undone")
    assert last.detail == "by bob, of ann; 1 messages wait again"
    with pytest.raises(ArgusError, match="not acknowledged"):
        operating.undo(site.store, 1, "bob")


def test_a_snooze_holds_one_incident_and_reminds_when_it_runs_out(
    site: Site, world: World, inbox: Inbox
) -> None:
    tick(site, world, up=0)
    assert silencing.snooze(site.store, 1, "1h", "ann", "after lunch") == 0
    world.now = time.time()
    tick(site, world, up=0, after=3000)
    reminders.remind(site)
    deliver(site)
    assert heard(inbox) == [("ops", "open")]
    tick(site, world, up=0, after=700)
    for _ in range(3):  # once, however often it is looked at
        reminders.remind(site)
        deliver(site)
    assert sorted(heard(inbox)[1:]) == [("boss", "open"), ("ops", "remind")]


def test_a_second_snooze_takes_the_place_of_the_first(site: Site, world: World, inbox: Inbox) -> None:
    tick(site, world, up=0)
    silencing.snooze(site.store, 1, "1h", "ann", "")
    silencing.snooze(site.store, 1, "3h", "bob", "")
    world.now = time.time()
    tick(site, world, up=0, after=2 * 3600)
    reminders.remind(site)
    deliver(site)
    assert heard(inbox) == [("ops", "open")]
    with site.store.read() as session:
        assert [row.author for row in silences.active(session, world.now)] == ["bob"]


def test_a_reminder_is_not_queued_in_muted_hours(site: Site, world: World) -> None:
    tick(site, world, up=0)
    root = replace(site.router.root, repeat=3600.0, muted=(Window(),))
    muted = replace(site, router=replace(site.router, root=root))
    world.now += 7200
    assert reminders.remind(muted)
    with site.store.read() as session:
        assert {each.kind for each in reports.messages(session, 1)} == {"open"}


def test_a_silence_sees_every_open_incident(site: Site, world: World) -> None:
    tick(site, world, up=0)
    with site.store.write() as session:
        row = {
            "rule": "guest_is_broken",
            "phase": "open",
            "severity": "HIGH",
            "summary": "s",
            "evidence": {},
            "since": world.now + 1,
            "seen_at": world.now,
            "opened_at": world.now,
            "held": "",
            "cause_rule": "x",
            "cause_subject": "y",
        }
        rows = [{**row, "uid": uuid4().hex, "subject": f"g{number}"} for number in range(600)]
        session.execute(insert(IncidentRow), rows)
    wanted = silencing.Wanted.of(
        [], ["cmp1"], starts="", until="8h", windows=(), zone="UTC", author="ann", comment="x"
    )
    silencing.add(site.store, wanted, dry_run=False)
    with site.store.read() as session:
        waiting = [each.silence_id for each in reports.messages(session, 1) if each.state == "pending"]
    assert waiting == [1]


def test_options_may_stand_anywhere_among_the_matchers(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("add", "--comment", "x", "rule=node_is_full", "--until", "3h", "node=cmp1", "--format", "json")
    assert run(config, "silence", *words) == 0
    told = json.loads(capsys.readouterr().out)["silence"]
    assert told["matchers"] == ['rule="node_is_full"', 'node="cmp1"']
    assert run(config, "route", "test", "--at", "2h", "severity=HIGH") == 1
    assert "nobody would be told" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("explain", "TYPO"), "nothing is recorded about 'TYPO'"),
        (("route", "test", "severity=NONSENSE"), "write INFO, WARNING, AVERAGE, HIGH|write AVERAGE, HIGH"),
        (("route", "test", "rule=node_is_ful"), "write node_is_full"),
        (("route", "test", "kind=hypervisor"), "no incident has this kind"),
        (("silence", "add", "severity=CRITICAL", "--comment", "x"), "no incident has such a severity"),
        (("silence", "add", 'severity=~"CRIT.*"', "--comment", "x"), "no incident has such a severity"),
        (("silence", "add", "node=cmp9", "--until", "resolved", "--comment", "x"), "nothing that is open"),
        (("silence", "expire", "9"), "there is no silence 9"),
        (("ack", "9", "--undo"), "there is no incident 9"),
        (("snooze", "9", "2h"), "there is no incident 9"),
        (("snooze", "9", "later"), "is no time"),
    ],
)
def test_what_means_nothing_is_refused(
    config: str, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, *words) == 2
    assert re.search(says, capsys.readouterr().err)


def test_a_silence_that_is_over_keeps_its_end(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "silence", "add", "node=cmp1", "--comment", "x") == 0
    assert run(config, "silence", "expire", "1") == 0
    capsys.readouterr()
    assert run(config, "silence", "expire", "1") == 2
    assert "silence 1 was over at" in capsys.readouterr().err


def test_who_types_is_the_person_and_not_root() -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    assert author({"SUDO_USER": "ann"}, lambda: "root") == "ann"
    assert author({"DOAS_USER": "bob"}, lambda: "root") == "bob"
    assert author({}, lambda: "carol") == "carol"
    assert author({}, nobody).startswith("uid ")


def test_who_may_not_write_the_file_is_told_as_whom_to_run(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/absent/argus.db")
    with (
        pytest.raises(StoreError, match=r"see \[database\] url.*sudo -u argus argus"),
        store.read() as session,
    ):
        session.get(IncidentRow, 1)
