"""What happens between two cycles wakes the next one, and costs little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from empty_zabbix import Contents, empty_zabbix
from http_server import Inbox
from one_node import World, one_node

from argus import watching
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.schedule import BY_NAME, Performer
from argus.site import Site, ZabbixSource
from argus.store import progress, reports
from argus.store.engine import Store

ROUTES = """\
receivers: [{name: ops, webhook_configs: [{url: "URL/ops"}]}]
route: {receiver: ops}
"""


@pytest.fixture
def zabbix() -> Iterator[Contents]:
    with empty_zabbix() as made:
        yield made


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, zabbix: Contents, tmp_path: Path) -> Site:
    (tmp_path / "token").write_text("0" * 64)
    made = one_node(store, world, inbox, tmp_path, ROUTES)
    return replace(made, zabbix=ZabbixSource(zabbix.url, tmp_path / "token", 5.0))


def test_a_new_event_wakes_for_a_while_even_one_that_shows_late(
    site: Site, world: World, zabbix: Contents
) -> None:
    zabbix.events = [100, 101]
    assert not watching.wakes(site), "what was there before is the snapshot's"
    assert not watching.wakes(site)
    zabbix.events += [105]
    assert watching.wakes(site)
    world.now += watching.SECOND_WORD
    assert watching.wakes(site), "what is doubtful at first, as its node may be dead, is looked at again"
    world.now += 1
    assert not watching.wakes(site)
    zabbix.events += [103]  # written by another process of the server, seen after the newer one
    assert watching.wakes(site)
    world.now += watching.SECOND_WORD + 1
    assert not watching.wakes(site)


def test_nothing_is_passed_over_while_a_cycle_rests(site: Site, world: World, zabbix: Contents) -> None:
    zabbix.events = [100]
    watching.wakes(site)
    with site.store.write() as session:
        progress.note(session, "correlate", world.now, 2.0)
    zabbix.events += [101]
    asked = len(zabbix.asked)
    world.now += 5
    assert not watching.wakes(site)
    assert len(zabbix.asked) == asked
    world.now += 1
    assert watching.wakes(site)


def test_what_has_stood_for_long_enough_wakes_without_an_event(site: Site, world: World) -> None:
    held = replace(site, policy=Policy(holds={"libvirtd_does_not_answer": 20.0}))
    world.up = 0
    correlate(held)
    world.now += 19
    assert not watching.wakes(held)
    world.now += 1
    assert watching.wakes(held)
    assert Performer(held).perform(BY_NAME["watch"])
    with held.store.read() as session:
        (row,) = reports.incidents(session, ("open",))
    assert row.opened_at == world.now
    assert not watching.wakes(held)


def test_a_clock_that_was_set_back_does_not_stop_the_looks(
    site: Site, world: World, zabbix: Contents
) -> None:
    zabbix.events = [100]
    watching.wakes(site)
    with site.store.write() as session:
        progress.note(session, "correlate", world.now + 86400, 0.1)
    zabbix.events += [101]
    assert watching.wakes(site)


@pytest.mark.slow
def test_a_zabbix_that_is_away_is_the_cycles_trouble(site: Site, tmp_path: Path) -> None:
    away = replace(site, zabbix=ZabbixSource("http://127.0.0.1:9", tmp_path / "token", 0.2))
    assert not watching.wakes(away)
