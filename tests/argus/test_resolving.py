"""A person ends an incident: whoever was told hears it, the history says who and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick

from argus import resolving
from argus.cycle import LEASE
from argus.errors import ArgusError
from argus.explaining import Terms, explain
from argus.site import Site
from argus.store import leases, reports
from argus.store.engine import Store

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
route:
  receiver: ops
"""


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def resolve(site: Site, number: int = 1, comment: str = "the node was sold") -> None:
    assert resolving.resolve(site.store, number, "ann", comment, form="json", clock=site.clock) == 0


def test_whoever_was_told_hears_the_end_with_who_and_why(
    site: Site, world: World, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(site, world, up=0)
    resolve(site)
    assert json.loads(capsys.readouterr().out)["resolved_by"] == "ann"
    tick(site, world, up=1, after=1)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]
    end = inbox.requests[-1].json
    assert (end["reason"], end["by"]) == ("resolved by ann: the node was sold", "ann")
    with site.store.read() as session:
        lines = [(line.what, line.detail) for line in reports.decisions(session, 1)]
    assert ("resolved", "by ann: the node was sold") in lines
    explain(site.store, "1", Terms(site.policy, site.router), form="table")
    assert "by ann: the node was sold" in capsys.readouterr().out


@pytest.mark.slow
def test_what_still_stands_opens_anew(site: Site, world: World, inbox: Inbox) -> None:
    tick(site, world, up=0)
    resolve(site)
    tick(site, world, up=0)
    assert heard(inbox)[-1] == ("ops", "open")
    with site.store.read() as session:
        assert len(reports.incidents(session, ("open",))) == 1


@pytest.mark.parametrize("number", [1, 99])
def test_what_is_not_open_cannot_be_ended(site: Site, world: World, number: int) -> None:
    tick(site, world, up=0)
    resolve(site)
    with pytest.raises(ArgusError, match="incident"):
        resolve(site, number)


def test_an_end_needs_a_reason(site: Site, world: World) -> None:
    tick(site, world, up=0)
    with pytest.raises(ArgusError, match="--comment"):
        resolve(site, comment=" ")


def test_it_waits_for_the_cycle_that_is_under_way(site: Site) -> None:
    now = [0.0]
    assert leases.acquire(site.store, LEASE, "another", 100.0, 0.0) is not None

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(ArgusError, match="under way"):
        resolving._between_cycles(site.store, lambda: now[0], sleep)
    assert now[0] >= resolving.WAIT_SECONDS
