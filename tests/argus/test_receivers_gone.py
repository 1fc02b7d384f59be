"""Receivers that routes.yaml no longer names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick
from paging import ROUTES, Refuses, deliver, opened

from argus.cycle import notification
from argus.notify.base import Kind, NotifyError
from argus.site import Site
from argus.store import health, outbox, reports
from argus.store.engine import Store
from argus.store.models import IncidentRow


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    made = one_node(store, world, inbox, tmp_path, ROUTES)
    return replace(made, receivers={**made.receivers, "email": Refuses(NotifyError("none here"))})


RENAMED = ROUTES.replace("name: ops", "name: primary").replace("receiver: ops", "receiver: primary")


def test_a_receiver_under_a_new_name_gets_the_end(
    site: Site, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    tick(site, world, up=0)
    renamed = one_node(site.store, world, inbox, tmp_path, RENAMED.replace("URL/ops", "URL/primary"))
    renamed = replace(renamed, receivers={**renamed.receivers, "email": site.receivers["email"]})
    for _ in range(6):
        tick(renamed, world, up=1)
    assert [each for each in heard(inbox) if each[0] != "last"] == [("ops", "open"), ("primary", "resolve")]
    with site.store.read() as session:
        assert "webhook:ops" not in {each.target for each in health.all_of(session)}


def test_the_end_for_a_receiver_that_is_gone_is_dropped_where_everybody_else_hears_it(
    site: Site, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    number = opened(site, world, "webhook:ops", "webhook:last")
    deliver(site, world)
    with site.store.write() as session:
        row = session.get_one(IncidentRow, number)
        row.phase, row.resolved_at = "resolved", world.now
        outbox.enqueue_resolve(session, row, notification(row, Kind.RESOLVE, "well").payload(), world.now)
    gone = one_node(
        site.store,
        world,
        inbox,
        tmp_path,
        'receivers: [{name: last, webhook_configs: [{url: "URL/last"}]}]\nroute: {receiver: last}\n',
    )
    deliver(gone, world)
    assert heard(inbox)[2:] == [("last", "resolve")]
    with site.store.read() as session:
        states = {(row.receiver, row.kind): row.state for row in reports.messages(session, number)}
    assert states["webhook:ops", "resolve"] == "dropped"


def test_a_page_to_a_receiver_that_is_gone_goes_to_whom_the_routes_name_now(
    site: Site, world: World, inbox: Inbox
) -> None:
    opened(site, world, "webhook:removed")
    deliver(site, world)
    assert heard(inbox) == [("ops", "open")]
