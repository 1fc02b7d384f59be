"""Routes, silences, acknowledgements, escalation, fallback and failing receivers, on a real database."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick
from smtp_server import free_port

from argus import auditing, operating
from argus.errors import ArgusError
from argus.notify.webhook import Webhook
from argus.routing.matchers import parse
from argus.site import Site
from argus.store import audit, health, reports, silences
from argus.store.engine import Store

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
  - name: boss
    webhook_configs: [{url: "URL/boss"}]
  - name: last
    webhook_configs: [{url: "URL/last"}]
fallback: last
route:
  receiver: ops
  escalate: [{after: 15m, receiver: boss}]
"""


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def log(site: Site) -> list[str]:
    with site.store.read() as session:
        return [row.what for row in reports.decisions(session, 1)]


def test_whoever_was_told_hears_the_end_and_escalation_comes_when_it_is_due(
    site: Site, world: World, inbox: Inbox
) -> None:
    tick(site, world, up=0)
    tick(site, world, up=0, after=600)
    assert heard(inbox) == [("ops", "open")]
    tick(site, world, up=0, after=400)
    assert heard(inbox) == [("ops", "open"), ("boss", "open")]
    for _ in range(4):
        tick(site, world, up=1)
    assert sorted(heard(inbox)[2:]) == [("boss", "resolve"), ("ops", "resolve")]


def test_an_acknowledged_incident_is_not_escalated(site: Site, world: World, inbox: Inbox) -> None:
    tick(site, world, up=0)
    operating.ack(site.store, 1, "ann")
    operating.ack(site.store, 1, "bob")
    for _ in range(3):
        tick(site, world, up=0, after=900)
    for _ in range(4):
        tick(site, world, up=1)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]
    with site.store.read() as session:
        row = reports.incident(session, 1)
    assert row is not None
    assert row.acked_by == "ann"


def silence(site: Site, world: World, until: float | None, *words: str) -> int:
    with site.store.write() as session:
        matchers = [parse(word) for word in words]
        return silences.add(session, matchers, until, "ann", "upgrade", world.now).id


def test_a_silence_holds_back_and_what_outlives_it_is_told(site: Site, world: World, inbox: Inbox) -> None:
    silence(site, world, world.now + 300, 'node="cmp1"')
    tick(site, world, up=0)
    assert heard(inbox) == []
    assert log(site)[:2] == ["opened", "silenced"]
    tick(site, world, up=0, after=300)
    assert heard(inbox) == [("ops", "open")]


def test_a_silence_until_resolved_tells_neither_beginning_nor_end(
    site: Site, world: World, inbox: Inbox
) -> None:
    silence(site, world, None, 'rule=~"libvirtd.*"')
    tick(site, world, up=0)
    tick(site, world, up=0, after=100_000)
    for _ in range(4):
        tick(site, world, up=1)
    assert heard(inbox) == []
    assert "resolved" in log(site), "a silence never changes an incident"


def test_a_silence_that_comes_after_the_page_does_not_hold_back_the_end(
    site: Site, world: World, inbox: Inbox
) -> None:
    tick(site, world, up=0)
    silence(site, world, None, 'node="cmp1"')
    for _ in range(4):
        tick(site, world, up=1)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]


def test_a_silence_changes_nothing_of_an_incident_but_who_hears_of_it(
    site: Site, world: World, inbox: Inbox
) -> None:
    """I6: the same outage twice, the second time silenced: the same life, acknowledgement included."""

    def outage() -> list[str]:
        tick(site, world, up=0)
        with site.store.read() as session:
            (row,) = reports.incidents(session, ("open",))
        operating.ack(site.store, row.id, "ann")
        tick(site, world, up=0)
        for _ in range(4):
            tick(site, world, up=1)
        with site.store.read() as session:
            words = [each.what for each in reports.decisions(session, row.id)]
        return [word for word in words if word not in {"silenced", "mail sent", "mail dropped"}]

    loud = outage()
    before = len(inbox.requests)
    silence(site, world, None, 'node="cmp1"')
    world.now += 10_000  # long enough not to flap
    assert outage() == loud
    assert "acknowledged" in loud
    assert "resolved" in loud
    assert len(inbox.requests) == before


def test_the_end_of_a_silence_tells_at_once(site: Site, world: World, inbox: Inbox) -> None:
    number = silence(site, world, None, 'node="cmp1"')
    tick(site, world, up=0)
    with site.store.write() as session:
        assert silences.expire(session, number, world.now)
    tick(site, world, up=0)
    assert ("ops", "open") in heard(inbox)


@pytest.mark.slow
def test_a_silence_for_another_node_holds_nothing_back(site: Site, world: World, inbox: Inbox) -> None:
    silence(site, world, None, 'node="cmp2"')
    tick(site, world, up=0)
    assert heard(inbox) == [("ops", "open")]


def test_who_cannot_be_reached_is_replaced_by_the_fallback(site: Site, world: World, inbox: Inbox) -> None:
    inbox.answers = [400]
    tick(site, world, up=0)
    tick(site, world, up=0)
    assert heard(inbox) == [("ops", "open"), ("last", "open")]
    for _ in range(4):
        tick(site, world, up=1)
    assert heard(inbox)[2:] == [("last", "resolve")]


def test_a_receiver_that_took_the_message_and_broke_off_gets_the_same_bytes_again(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = ["reset", 500, 429]
    for _ in range(6):
        tick(site, world, up=0)
    to_ops = [request for request in inbox.requests if request.path == "/ops"]
    assert len(to_ops) == 4
    assert len({(request.body, request.headers["Idempotency-Key"]) for request in to_ops}) == 1


def test_a_receiver_that_fails_rests_and_others_do_not_wait_for_it(
    site: Site, world: World, inbox: Inbox
) -> None:
    dead = Webhook("ops", f"http://127.0.0.1:{free_port()}/")
    broken = replace(site, receivers={**site.receivers, "webhook:ops": dead}, attempts=100)
    for _ in range(4):
        tick(broken, world, up=0, after=30)
    with site.store.read() as session:
        (row,) = [each for each in health.all_of(session) if each.target == "webhook:ops"]
        assert (row.target, row.failures >= 3, row.rest_until > world.now) == ("webhook:ops", True, True)
    assert heard(inbox) == [("last", "open")], "the page does not wait for a receiver that fails"
    tick(broken, world, up=0, after=900)
    assert ("boss", "open") in heard(inbox)
    tick(replace(site, attempts=100), world, up=0, after=400)
    assert ("ops", "open") in heard(inbox)


def test_the_auditor_is_content_and_then_it_is_not(site: Site, world: World, inbox: Inbox) -> None:
    switched = replace(site, dead_man_url=f"{inbox.url}/alive")
    tick(site, world, up=0)
    auditing.run(switched)
    assert inbox.requests[-1].path == "/alive"
    before = len(inbox.requests)
    with site.store.write() as session:
        (first, *_) = reports.messages(session, 1)
        first.state, first.next_at = "pending", world.now - 1000
    auditing.run(switched)
    assert len(inbox.requests) == before, "no ping while something is owed"
    with site.store.read() as session:
        assert {row.invariant for row in audit.results(session) if row.violations} == {"in_time"}


def test_route_test_says_who_and_when(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert operating.route_test(site.router, ["severity=HIGH"], "2026-11-23T22:00", form="json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["target"], each["after_seconds"], each["step"]) for each in told] == [
        ("webhook:ops", 0, 0),
        ("webhook:boss", 900, 1),
    ]
    with pytest.raises(ArgusError, match="is not LABEL=VALUE"):
        operating.route_test(site.router, ["sevrity=HIGH"], "", form="table")
    with pytest.raises(ArgusError, match="is no time"):
        operating.route_test(site.router, [], "tomorrow", form="table")
