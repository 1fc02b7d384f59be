"""A Zabbix whose server is dead while its API answers is blindness: one page, and nothing false after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from empty_zabbix import empty_zabbix
from one_node import World, heard, one_node, tick

from argus.correlator.facts import NodeValues, Problem
from argus.correlator.rules.reporting import NODATA_TRIGGER
from argus.store import reports
from argus.zabbix.api import Zabbix
from argus.zabbix.feeds import read_pulse

if TYPE_CHECKING:
    from http_server import Inbox

    from argus.site import Site
    from argus.store.engine import Store

pytestmark = pytest.mark.slow  # hours of cycles on a real database

ROUTES = """\
receivers: [{name: ops, webhook_configs: [{url: "URL/ops"}]}]
route: {receiver: ops}
"""


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def live(site: Site, world: World, seconds: float, *, server: bool, agent: bool = True) -> None:
    """Let time pass; a server that is dead stores nothing."""
    for _ in range(int(seconds / 15)):
        if server:
            world.pulse = world.now + 15
            world.seen = world.now + 15 if agent else world.seen
        tick(site, world, up=1.0, after=15)


def opened(site: Site) -> list[tuple[str, str]]:
    with site.store.read() as session:
        return [(row.rule, row.subject) for row in reports.incidents(session, ("open",))]


def test_a_server_that_stands_still_is_one_page_and_one_end(site: Site, world: World, inbox: Inbox) -> None:
    live(site, world, 120, server=True)
    died = world.now
    live(site, world, 600, server=False)
    assert opened(site) == [("source_cannot_be_read", "zabbix")]
    with site.store.read() as session:
        (row,) = reports.incidents(session, ("open",))
    assert row.since == died
    assert "Monitoring is blind" in row.summary
    assert "has written nothing new since 2023-11-14 22:15:20 UTC" in row.summary
    assert row.opened_at is not None
    assert row.opened_at - died <= 75
    live(site, world, 600, server=True)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]


def test_what_died_meanwhile_is_told_once_zabbix_had_time_to_hear_of_it(
    site: Site, world: World, inbox: Inbox
) -> None:
    live(site, world, 120, server=True)
    live(site, world, 600, server=False)
    live(site, world, 75, server=True, agent=False)
    assert [rule for rule, _ in opened(site)] in ([], ["source_cannot_be_read"])
    live(site, world, 90, server=True, agent=False)
    assert opened(site) == [("node_does_not_report", "cmp1")]
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve"), ("ops", "open")]


def test_zabbix_own_words_about_silent_nodes_do_not_count_right_after_its_return(
    site: Site, world: World, inbox: Inbox
) -> None:
    live(site, world, 120, server=True)
    live(site, world, 300, server=False)
    at = world.now + 14
    world.problems = (Problem("1", "cmp1", "no data", 4, at, {}, False, False, NODATA_TRIGGER),)
    live(site, world, 60, server=True, agent=False)
    world.problems = ()
    live(site, world, 120, server=True)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]


def test_a_correlator_that_was_away_takes_no_old_value_for_silence(
    site: Site, world: World, inbox: Inbox
) -> None:
    live(site, world, 120, server=True)
    world.now += 3600
    world.pulse = world.now + 15
    live(site, world, 60, server=True, agent=False)
    live(site, world, 60, server=True)
    assert heard(inbox) == []


def test_without_a_sign_of_life_nodes_are_judged_as_before(site: Site, world: World) -> None:
    world.seen = world.now
    for _ in range(12):
        tick(site, world, up=1.0, after=15)
    assert opened(site) == [("node_does_not_report", "cmp1")]


HOST = {"maintenance_status": "0", "maintenance_type": "0"}
NODES = tuple(NodeValues(f"cmp{n}", {}, 1000.0 + n) for n in range(3))


@pytest.mark.parametrize(
    ("row", "nodes", "pulse"),
    [
        ({"lastclock": "1700", "hosts": [HOST]}, NODES, 1700.0),
        (None, NODES, 3003.0 + 50),
        (None, NODES[:2], None),
        ({"lastclock": "0", "hosts": [HOST]}, NODES[:2], None),
        ({"lastclock": "1700", "hosts": [HOST | {"maintenance_status": "1"}]}, (), 1700.0),
        ({"lastclock": "1700", "hosts": [{"maintenance_status": "1", "maintenance_type": "1"}]}, (), None),
    ],
    ids=["asked", "missing", "missing, few nodes", "never had a value", "maintenance", "not collected"],
)
def test_the_sign_of_life_is_what_the_server_asks_itself_or_that_anything_comes(
    row: dict[str, Any] | None, nodes: tuple[NodeValues, ...], pulse: float | None, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0" * 64)
    with empty_zabbix() as zabbix:
        zabbix.heartbeat = row
        with Zabbix.with_token_file(zabbix.url, tmp_path / "token", timeout=5.0) as api:
            assert read_pulse(api, nodes, (("zp1", 50.0),)) == pulse


def test_a_node_that_moves_alone_is_a_server_that_lives() -> None:
    before = sum(node.at for node in NODES)
    after = sum(node.at for node in (*NODES[:2], replace(NODES[2], at=2000.0)))
    assert before != after
