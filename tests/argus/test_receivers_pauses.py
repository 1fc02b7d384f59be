"""What goes first, what waits, and for how long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node
from paging import ROUTES, Refuses, deliver, failing, opened, rows

from argus import notify
from argus.cycle import notification
from argus.flights import PER_SERVER
from argus.notify.base import Kind, NotifyError
from argus.notify.pagerduty import PagerDuty
from argus.routing.read import read
from argus.site import Site
from argus.store import health, outbox
from argus.store.engine import Store
from argus.store.models import IncidentRow, OutboxRow


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    made = one_node(store, world, inbox, tmp_path, ROUTES)
    return replace(made, receivers={**made.receivers, "email": Refuses(NotifyError("none here"))})


def test_the_most_severe_incident_goes_first(site: Site, world: World) -> None:
    for number in range(8):
        opened(site, world, "webhook:ops", severity="WARNING", subject=f"full{number}")
    world.now += 60
    opened(site, world, "webhook:ops", subject="dead")
    with site.store.write() as session:
        claimed = outbox.claim(session, "me", 60, world.now)
        second = outbox.claim(session, "me", 60, world.now)
    assert claimed is not None
    assert second is not None
    assert (claimed.payload["subject"], second.payload["subject"]) == ("dead", "full0")


def test_the_last_of_a_limit_that_delays_is_for_what_is_urgent(
    site: Site, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a" * 32)
    config = f"{{routing_key_file: {tmp_path}/key, limit: 10/1m}}"
    routes = f"receivers: [{{name: oncall, pagerduty_configs: [{config}]}}]\nroute: {{receiver: oncall}}\n"
    (tmp_path / "routes.yaml").write_text(routes)
    pager = PagerDuty("oncall", f"{inbox.url}/pd", "a" * 32)
    paged = replace(
        site, router=read(tmp_path / "routes.yaml", notify.options()), receivers={"pagerduty:oncall": pager}
    )
    for number in range(20):
        opened(paged, world, "pagerduty:oncall", severity="WARNING", subject=f"full{number}")
    deliver(paged, world)
    assert len(inbox.requests) == 8
    opened(paged, world, "pagerduty:oncall", subject="dead")
    deliver(paged, world)
    assert [each.json["payload"]["source"] for each in inbox.requests[8:]] == ["dead"]
    deliver(paged, world, 60)
    assert len(inbox.requests) == 17, "the window has moved on"


def test_who_asks_for_time_gets_it_for_all_messages_and_is_not_ill(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.headers, inbox.answers = {"Retry-After": "30"}, [429]
    opened(site, world, "webhook:ops")
    deliver(site, world)
    opened(site, world, "webhook:ops", subject="cmp2")
    for _ in range(2):
        deliver(site, world, 14)
    assert heard(inbox) == [("ops", "open")], "the next message waits too, and the fallback is not told"
    assert failing(site) == {}
    deliver(site, world, 3)
    assert heard(inbox) == [("ops", "open")] * 3
    assert {row.attempts for row in rows(site).values()} == {1}


def test_who_asks_for_time_for_ever_loses_no_page(site: Site, world: World, inbox: Inbox) -> None:
    asks = Refuses(NotifyError("429", code=429))
    busy = replace(site, receivers={**site.receivers, "webhook:ops": asks}, attempts=3)
    opened(busy, world, "webhook:ops")
    deliver(busy, world)
    deliver(busy, world, 60)
    assert heard(inbox) == []
    for _ in range(6):
        deliver(busy, world, 30)
    assert heard(inbox) == [("last", "open")], "after two minutes somebody else is told"
    assert asks.asked > busy.attempts, "asking for time is no failed attempt"
    assert rows(site)["webhook:ops"].state == "pending"
    for _ in range(4):
        deliver(busy, world, 3600)
    assert rows(site)["webhook:ops"].state == "dead", "but not for ever"


@pytest.mark.slow
def test_a_wait_that_a_server_names_is_kept_and_else_the_table_counts(site: Site, world: World) -> None:
    fails = Refuses(NotifyError("500"))
    broken = replace(
        site, receivers={**site.receivers, "webhook:ops": fails}, waits=(40.0, 100.0), attempts=9
    )
    opened(broken, world, "webhook:ops")
    for least, most in ((20, 40), (50, 100), (50, 100)):
        deliver(broken, world, 0)
        wait = rows(site)["webhook:ops"].next_at - world.now
        assert least <= wait <= most
        world.now += wait
        with site.store.write() as session:
            session.query(OutboxRow).update({"next_at": world.now})
            health.answers(session, "webhook:ops")
    fails.error = NotifyError("503", code=503, retry_after=777.0)
    deliver(broken, world, 0)
    assert rows(site)["webhook:ops"].next_at == world.now + 777


def test_what_fails_in_a_run_is_not_asked_again_in_it(site: Site, world: World) -> None:
    fails = Refuses(NotifyError("500"))
    broken = replace(site, receivers={**site.receivers, "webhook:ops": fails})
    for number in range(20):
        opened(broken, world, "webhook:ops", subject=f"cmp{number}")
    deliver(broken, world)
    assert fails.asked <= PER_SERVER


def test_nobody_is_called_in_the_place_of_another_when_it_is_over(
    site: Site, world: World, inbox: Inbox
) -> None:
    number = opened(site, world, "webhook:ops")
    with site.store.write() as session:
        first = outbox.claim(session, "dead", 1, world.now)
        assert first is not None
        outbox.settle_retry(session, first, "reset", maybe=True, wait=1, now=world.now)
        row = session.get_one(IncidentRow, number)
        row.phase, row.resolved_at = "resolved", world.now
        outbox.enqueue_resolve(session, row, notification(row, Kind.RESOLVE, "well").payload(), world.now)
    inbox.answers = [404]
    deliver(site, world, 10)
    assert [path for path, _ in heard(inbox) if path == "last"] == []
