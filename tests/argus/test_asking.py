"""``argus explain``, why and why not, and ``argus replay``, what another routing would have sent."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick

from argus import explaining, notify, operating, replaying
from argus.correlator.facts import Problem
from argus.errors import ArgusError
from argus.routing.matchers import parse
from argus.routing.read import read
from argus.routing.tree import Router
from argus.site import Site
from argus.store import silences
from argus.store.engine import Store
from argus.store.models import PlacementRow

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
  - name: boss
    webhook_configs: [{url: "URL/boss"}]
  - name: tickets
    webhook_configs: [{url: "URL/tickets"}]
route:
  receiver: ops
  routes:
    - {receiver: tickets, matchers: ['severity="WARNING"']}
    - matchers: ['severity="HIGH"']
      escalate: [{after: 15m, receiver: boss}]
"""
NEW = ROUTES.replace("receiver: ops\n  routes", "receiver: ops\n  repeat_interval: 1h\n  routes").replace(
    "15m, receiver: boss", "1m, receiver: tickets"
)


@pytest.fixture
def world() -> World:
    return World(now=time.time() - 7200)


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def why(site: Site, what: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    terms = explaining.Terms(site.policy, site.router)
    assert explaining.explain(site.store, what, terms, form="json") == 0
    return json.loads(capsys.readouterr().out)


def test_who_was_told_and_who_was_not_and_why(
    site: Site, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(site, world, up=0)
    operating.ack(site.store, 1, "ann")
    told = {each["receiver"]: (each["told"], each["why"]) for each in why(site, "1", capsys)["why"]}
    assert told["webhook:ops"][0]
    assert told["webhook:boss"] == (False, "escalation 1, taken back: ann looks after it")
    assert told["tickets"] == (
        False,
        'not by the route in line 11: severity="WARNING" does not hold: severity is HIGH',
    )
    assert told[""][1].startswith("acknowledged by ann")


def test_a_silence_a_maintenance_and_a_failing_receiver_are_reasons(
    site: Site, world: World, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    with site.store.write() as session:
        number = silences.add(session, [parse('node="cmp1"')], None, "ann", "new disks", world.now).id
    tick(site, world, up=0)
    (about,) = why(site, "cmp1", capsys)["incidents"]
    assert about["why"][0]["why"] == f"silenced by silence {number} until it is over: ann: new disks"
    inbox.answers = [401]
    with site.store.write() as session:
        silences.expire(session, number, world.now)
    tick(site, world, up=0, after=0)
    first = why(site, "1", capsys)["why"][0]
    assert not first["told"]
    assert "1 attempts failed, next at" in first["why"]
    assert "answers 401" in first["why"]


def test_what_is_pending_says_how_long_it_must_stand(
    site: Site, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = replace(site, policy=replace(site.policy, holds={"libvirtd_does_not_answer": 300.0}))
    tick(slow, world, up=0)
    assert "it must stand for 300 s" in why(slow, "cmp1", capsys)["incidents"][0]["why"][0]["why"]
    for _ in range(4):
        tick(slow, world, up=1)
    assert why(slow, "cmp1", capsys)["too_short"], "over before it was due to open"


@pytest.mark.slow
def test_a_page_that_was_merged_ends_and_says_where_it_went(
    site: Site, world: World, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    with site.store.write() as session:
        session.add(PlacementRow(guest="g1", node="cmp1", since=world.now - 900))
    began = world.now + 10
    world.problems = (Problem("7", "g1", "Guest crashed", 4, began, {}, False, False, "guest_broken"),)
    tick(site, world, up=1)
    for _ in range(2):
        tick(site, world, up=0)
    assert heard(inbox) == [("ops", "open"), ("ops", "open"), ("ops", "resolve")]
    cause, end = inbox.requests[1].json, inbox.requests[2].json
    assert (cause["rule"], end["rule"]) == ("libvirtd_does_not_answer", "guest_is_broken")
    assert end["reason"].startswith("merged into libvirtd_does_not_answer on cmp1: ")
    assert end["by"] == f"incident {cause['incident_id']}"
    told = why(site, "g1", capsys)["incidents"]
    assert [each["incident"]["state"] for each in told] == ["open", "resolved"]
    assert "merged into incident 2 (libvirtd_does_not_answer on cmp1, open" in told[1]["why"][0]["why"]
    assert "a symptom of incident 2" in told[0]["why"][0]["why"]


def test_a_subject_of_which_nothing_is_known_says_when_argus_last_looked(
    site: Site, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(site, world, up=1)
    terms = explaining.Terms(site.policy, None, "routes.yaml:1: no")
    with pytest.raises(ArgusError, match=r"nothing is recorded about 'cmp9'.*the last look at the facts was"):
        explaining.explain(site.store, "cmp9", terms, form="table")
    with pytest.raises(ArgusError, match="there is no incident 99"):
        explaining.explain(site.store, "99", terms, form="table")
    tick(site, world, up=0)
    explaining.explain(site.store, "cmp1", terms, form="table")
    assert "routes.yaml cannot be read now" in capsys.readouterr().out


def other(inbox: Inbox, folder: Path, text: str) -> Router:
    file = folder / "new.yaml"
    file.write_text(text.replace("URL", inbox.url))
    return read(file, notify.options())


def test_replay_tells_what_another_routing_would_have_sent(
    site: Site, world: World, inbox: Inbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(site, world, up=0)
    tick(site, world, up=0, after=5400)
    for _ in range(4):
        tick(site, world, up=1)
    new = other(inbox, tmp_path, NEW)
    assert replaying.replay(site.store, site.router, new, "1d", "", form="json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["messages"]["before"] == {"webhook:boss": 1, "webhook:ops": 1}
    assert told["messages"]["after"] == {"webhook:ops": 2, "webhook:tickets": 2}, "with a reminder each"
    assert [(each["change"], each["target"]) for each in told["changes"]] == [
        ("removed", "webhook:boss"),
        ("changed", "webhook:ops"),
        ("added", "webhook:tickets"),
    ]
    replaying.replay(site.store, site.router, new, "1d", "", form="table")
    assert "+ webhook:tickets" in capsys.readouterr().out
    same = other(inbox, tmp_path, ROUTES)
    assert replaying.replay(site.store, site.router, same, "1d", "", form="table") == 0
    assert "the same messages" in capsys.readouterr().out


def test_replay_does_not_tell_what_was_over_or_acknowledged_before_it_was_due(
    site: Site, world: World, inbox: Inbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(site, world, up=0)
    for _ in range(4):
        tick(site, world, up=1)
    replaying.replay(site.store, site.router, other(inbox, tmp_path, ROUTES), "1d", "", form="json")
    assert json.loads(capsys.readouterr().out)["messages"]["before"] == {"webhook:ops": 1}
    with pytest.raises(ArgusError, match="is not before"):
        replaying.replay(site.store, site.router, site.router, "2099-01-01", "2098-01-01", form="json")
