"""The dead-man's switch hears that all is well only while it is: decisions, delivery, and each open page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, one_node, tick
from paging import ROUTES
from slow_server import drip

from argus import auditing
from argus.errors import ArgusError
from argus.schedule import BY_NAME, Performer
from argus.site import Site
from argus.store import progress, reports
from argus.store.engine import Store


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    made = one_node(store, world, inbox, tmp_path, ROUTES.replace("fallback: last\n", ""))
    return replace(made, dead_man_url=f"{inbox.url}/alive")


def pings(site: Site, inbox: Inbox) -> int:
    before = len(inbox.requests)
    assert auditing.run(site)
    return sum(each.path == "/alive" for each in inbox.requests[before:])


@pytest.mark.slow
@pytest.mark.parametrize("job", ["correlate", "deliver"])
def test_a_job_that_fails_for_minutes_stops_the_ping(
    site: Site, world: World, inbox: Inbox, job: str
) -> None:
    tick(site, world, up=1)
    assert pings(site, inbox) == 1
    other = "deliver" if job == "correlate" else "correlate"
    for _ in range(3):
        world.now += 60
        Performer(site).perform(BY_NAME[other])
        with site.store.write() as session:
            progress.note(session, job, world.now, 0.1, "it fails")
    assert pings(site, inbox) == 0
    tick(site, world, up=1)
    assert pings(site, inbox) == 1


def test_an_installation_that_never_decided_is_not_well(site: Site, inbox: Inbox) -> None:
    assert pings(site, inbox) == 0


def test_a_page_that_reached_nobody_stops_the_ping_until_it_is_over(
    site: Site, world: World, inbox: Inbox
) -> None:
    inbox.answers = [404]
    tick(site, world, up=0)
    with site.store.read() as session:
        assert [row.state for row in reports.messages(session, 1)] == ["dead"]
    assert pings(site, inbox) == 0
    for _ in range(4):
        tick(site, world, up=1)
    assert pings(site, inbox) == 1, "what is over is a finding of the auditor for a day, and no more"


def test_a_page_that_somebody_else_got_stops_nothing(
    store: Store, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    made = one_node(store, world, inbox, tmp_path, ROUTES)
    inbox.answers = [404]
    tick(made, world, up=0)
    tick(made, world, up=0)
    assert pings(replace(made, dead_man_url=f"{inbox.url}/alive"), inbox) == 1


@pytest.mark.slow
def test_a_switch_that_drips_is_an_error_without_its_path(site: Site, world: World) -> None:
    tick(site, world, up=1)
    endless = drip(b"HTTP/1.1 503 no\r\nContent-Length: 99999\r\n\r\n", b" ")
    with endless as port, pytest.raises(ArgusError, match=r"dead_man_url.*answers 503") as caught:
        auditing.run(replace(site, dead_man_url=f"http://127.0.0.1:{port}/TOKEN"))
    assert "TOKEN" not in str(caught.value)
