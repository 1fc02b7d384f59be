"""Limits that fold into a digest, probes, reminders and titles, on a real database and real receivers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick
from smtp_server import free_port

from argus import operating, probing, reminders
from argus.cycle import notification
from argus.notify.base import Kind, NotifyError
from argus.notify.webhook import Webhook
from argus.receivers import Health, receivers
from argus.routing.tree import Due
from argus.schedule import BY_NAME, Performer
from argus.site import Site
from argus.sources import Together
from argus.store import audit, digests, health, outbox, reports
from argus.store.engine import Store
from argus.store.models import IncidentRow

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops", limit: 3/10m, title: "{severity} {subject}"}]
  - name: last
    webhook_configs: [{url: "URL/last"}]
fallback: last
route: {receiver: ops, repeat_interval: 4h}
"""


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def storm(site: Site, world: World, number: int) -> list[int]:
    """Open so many incidents at once."""
    made = []
    with site.store.write() as session:
        for each in range(number):
            row = IncidentRow(
                rule="node_does_not_report",
                subject=f"cmp{each}",
                phase="open",
                severity="WARNING" if each else "HIGH",
                summary=f"cmp{each} is silent",
                evidence={},
                since=world.now,
                seen_at=world.now,
                told_at=world.now,
            )
            session.add(row)
            session.flush()
            payload = notification(row, Kind.OPEN, "why").payload()
            outbox.enqueue_open(session, row, [Due("webhook:ops", world.now, 0, "ops")], payload, world.now)
            made.append(row.id)
    return made


def end(site: Site, world: World, numbers: list[int]) -> None:
    with site.store.write() as session:
        for number in numbers:
            row = session.get_one(IncidentRow, number)
            row.phase, row.resolved_at = "resolved", world.now
            payload = notification(row, Kind.RESOLVE, "well").payload()
            outbox.enqueue_resolve(session, row, payload, world.now)


def deliver(site: Site, world: World, after: float = 1) -> None:
    world.now += after
    assert Performer(site).perform(BY_NAME["deliver"])


def states(site: Site) -> dict[str, int]:
    with site.store.read() as session:
        return reports.outbox(session).by_state


def test_what_is_over_the_limit_comes_as_one_message_and_everybody_hears_the_end(
    site: Site, world: World, inbox: Inbox
) -> None:
    numbers = storm(site, world, 20)
    deliver(site, world)
    assert heard(inbox) == [("ops", "open")] * 3 + [("ops", "digest")]
    assert "17 messages in one: 17 of new incidents" in inbox.requests[-1].json["summary"]
    assert len(inbox.requests[-1].json["evidence"]) == 17
    assert states(site) == {"sent": 21}
    world.now += 30
    end(site, world, numbers)
    deliver(site, world)
    assert len(inbox.requests) == 4, "the next digest is a minute after the last"
    deliver(site, world, after=60)
    assert heard(inbox)[4:] == [("ops", "digest")]
    assert "20 messages in one: 0 of new incidents" in inbox.requests[-1].json["summary"]
    with site.store.write() as session:
        assert not any(audit.violations(session, world.now + 1000, anybody=True).values())


def test_a_digest_whose_answer_was_lost_is_sent_again_byte_by_byte(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = [200, 200, 200, "reset"]
    storm(site, world, 5)
    deliver(site, world)
    storm_later = states(site)
    assert storm_later == {"sent": 3, "pending": 1, "folded": 2}
    deliver(site, world, after=30)
    first, second = inbox.requests[3:]
    assert (first.body, first.headers["Idempotency-Key"]) == (second.body, second.headers["Idempotency-Key"])
    assert states(site) == {"sent": 6}


def test_a_digest_that_is_refused_goes_to_the_fallback_one_by_one(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = [200, 200, 200, 400]
    storm(site, world, 5)
    deliver(site, world)
    deliver(site, world)
    assert heard(inbox)[4:] == [("last", "open")] * 2
    assert states(site) == {"sent": 5, "dead": 3}


@pytest.mark.slow
def test_a_digest_that_was_given_up_but_may_have_been_read_gets_its_ends(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = [200, 200, 200, *["reset"] * 4]
    numbers = storm(site, world, 5)
    for _ in range(5):
        deliver(site, world, after=100)
    assert states(site)["dead"] == 3
    end(site, world, numbers)
    for _ in range(3):
        deliver(site, world, after=700)
    with site.store.read() as session:
        ends = {
            (number, row.receiver): row.state
            for number in numbers
            for row in reports.messages(session, number)
            if row.kind == "resolve"
        }
    assert {ends[number, "webhook:ops"] for number in numbers} == {"sent"}


def test_what_may_be_out_already_is_in_no_digest(site: Site, world: World, inbox: Inbox) -> None:
    inbox.answers = ["reset"]
    (first,) = storm(site, world, 1)
    deliver(site, world)
    storm(site, world, 0)
    with site.store.write() as session:
        assert digests.fold(session, "webhook:ops", world.now + 600) == 0
        (row,) = reports.messages(session, first)
    assert (row.state, row.maybe_sent) == ("pending", True)


def test_a_probe_that_is_asked_for_time_says_nothing(site: Site, inbox: Inbox) -> None:
    inbox.answers = [429, 429]
    assert probing.probe(site)
    assert bad(site) == {}


def test_below_the_limit_there_is_no_digest_and_the_limit_moves_on(
    site: Site, world: World, inbox: Inbox
) -> None:
    storm(site, world, 3)
    deliver(site, world)
    deliver(site, world, after=601)
    storm(site, world, 0)
    tick(site, world, up=0)
    assert heard(inbox) == [("ops", "open")] * 4


def test_a_title_is_the_receivers_own(site: Site, world: World, inbox: Inbox) -> None:
    tick(site, world, up=0)
    assert inbox.requests[0].json["headline"] == "HIGH cmp1"


def test_it_is_told_again_until_somebody_acknowledges(site: Site, world: World, inbox: Inbox) -> None:
    tick(site, world, up=0)
    assert reminders.remind(site)
    tick(site, world, up=0, after=4 * 3600)
    for _ in range(3):  # once, however often it is looked at
        assert reminders.remind(site)
        deliver(site, world)
    assert heard(inbox) == [("ops", "open"), ("ops", "remind")]
    assert "still so after 4.0 h" in inbox.requests[-1].json["reason"]
    operating.ack(site.store, 1, "ann")
    tick(site, world, up=0, after=4 * 3600)
    reminders.remind(site)
    deliver(site, world)
    assert [kind for _, kind in heard(inbox)] == ["open", "remind"]


def bad(site: Site) -> dict[str, str]:
    with site.store.read() as session:
        return health.failing(session)


def test_a_wrong_secret_is_seen_by_the_probe_and_the_page_goes_to_the_fallback_at_once(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = [401, 200]
    alone = replace(site, receivers={"webhook:ops": site.receivers["webhook:ops"]})
    assert probing.probe(alone)
    assert "answers 401" in bad(site)["webhook:ops"]
    inbox.answers = [401]
    tick(site, world, up=0)
    tick(site, world, up=0, after=1)
    assert ("last", "open") in heard(inbox)
    assert probing.probe(alone)
    assert bad(site) == {}, "mended: well at the next probe"


def test_a_probe_tells_nobody_anything(site: Site, inbox: Inbox) -> None:
    assert probing.probe(site)
    assert {request.json["kind"] for request in inbox.requests} == {"probe"}
    quiet = Webhook("ops", f"{inbox.url}/ops", "", probes=False)
    quiet.probe()
    assert len(inbox.requests) == 2
    inbox.answers = [404]
    with pytest.raises(NotifyError, match="answers 404"):
        Webhook("ops", f"{inbox.url}/wrong").probe()
    inbox.answers = [422]
    Webhook("ops", f"{inbox.url}/strict").probe()


def test_a_receiver_that_fails_is_an_incident_that_the_fallback_hears_of(
    site: Site, world: World, inbox: Inbox
) -> None:
    failing = replace(
        site,
        source=Together((world, Health(site.store, site.router))),
        receivers={**site.receivers, "webhook:ops": Webhook("ops", f"http://127.0.0.1:{free_port()}/")},
    )
    assert probing.probe(failing)
    for _ in range(3):
        tick(failing, world, up=1, after=15)
    with site.store.read() as session:
        (row,) = reports.incidents(session, ("open",))
    assert (row.rule, row.subject) == ("receiver_takes_no_messages", "receiver:webhook:ops")
    assert ("last", "open") in heard(inbox)
    assert probing.probe(site)
    for _ in range(6):
        tick(replace(failing, receivers=site.receivers), world, up=1)
    with site.store.read() as session:
        assert not reports.incidents(session, ("open",))


def test_receivers_are_listed_with_what_is_wrong(
    site: Site, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert receivers(site, ask=False, form="table") == 0
    assert "not asked yet" in capsys.readouterr().out
    inbox.answers = [403, 403]
    assert receivers(site, ask=True, form="json") == 1
    told = {each["target"]: each for each in json.loads(capsys.readouterr().out)}
    assert told["webhook:ops"]["limit"] == {"messages": 3, "seconds": 600.0}
    assert "answers 403" in told["webhook:ops"]["error"]
    assert receivers(site, ask=True, form="table") == 0
    assert "webhook:last" in capsys.readouterr().out
