"""``argus silence``: what it hides now, what it would have hidden, each week, and who and why."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node, tick

from argus import silencing
from argus.errors import ArgusError
from argus.routing import weekly
from argus.routing.matchers import parse
from argus.site import Site
from argus.store import silences
from argus.store.engine import Store

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
  - name: boss
    webhook_configs: [{url: "URL/boss"}]
route: {receiver: ops, escalate: [{after: 15m, receiver: boss}]}
"""
SATURDAY = datetime(2026, 11, 21, 21, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def world() -> World:
    return World(now=SATURDAY)


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, world, inbox, tmp_path, ROUTES)


def wanted(*words: str, nodes: tuple[str, ...] = (), **changes: str | tuple[str, ...]) -> silencing.Wanted:
    given: dict[str, object] = {
        "starts": "",
        "until": "2h",
        "windows": (),
        "zone": "UTC",
        "author": "ann",
        "comment": "new kernel",
    }
    return silencing.Wanted.of(words, nodes, **{**given, **changes})


def test_a_weekly_silence_holds_back_in_its_window_and_only_there(
    site: Site, world: World, inbox: Inbox
) -> None:
    with site.store.write() as session:
        row = silences.add(session, [parse('node="cmp1"')], None, "ann", "backups", world.now - 86400)
        row.weekly = [weekly.to_json(each) for each in weekly.parse("saturday 20:00-23:00", "UTC")]
    tick(site, world, up=0)
    assert heard(inbox) == []
    tick(site, world, up=0, after=3600)
    assert heard(inbox) == []
    tick(site, world, up=0, after=3600)
    assert heard(inbox)[0] == ("ops", "open"), "what outlives the window is told when it ends"
    for _ in range(4):
        tick(site, world, up=1)
    tick(site, world, up=0, after=3600)
    assert heard(inbox)[-1] == ("ops", "open"), "on Sunday nothing is held"


def test_a_preview_writes_nothing_and_tells_what_it_would_hide(
    site: Site, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.now = time.time() - 60
    tick(site, world, up=0)
    assert silencing.add(site.store, wanted(nodes=("cmp1",)), dry_run=True, form="json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"silence": None, "open": [1], "told_in_7_days": {"libvirtd_does_not_answer": 1}}
    assert silencing.add(site.store, wanted('node="cmp2"'), dry_run=True) == 0
    assert "matches 0 open incidents" in capsys.readouterr().out
    assert silencing.show(site.store, everything=True, form="table") == 0
    assert "no silences" in capsys.readouterr().out


def test_a_silence_holds_the_escalation_of_what_is_open_already(
    site: Site, world: World, inbox: Inbox
) -> None:
    world.now = time.time() - 60
    tick(site, world, up=0)
    silencing.add(site.store, wanted('node="cmp1"', until="1h"), dry_run=False)
    tick(site, world, up=0, after=1000)
    assert heard(inbox) == [("ops", "open")]
    tick(site, world, up=0, after=3600)
    assert heard(inbox)[1:] == [("boss", "open")]


def test_silences_are_listed_with_who_why_and_when(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for each in (
        wanted('rule=~"node_.*"', starts="1h", until="3h"),
        wanted(nodes=("cmp1",), until="", windows=("monday:friday 01:00-02:00",), zone="Europe/Berlin"),
    ):
        silencing.add(site.store, each, dry_run=False)
    capsys.readouterr()
    silencing.show(site.store, everything=False, form="json")
    planned, recurring = json.loads(capsys.readouterr().out)
    assert (planned["state"], planned["author"], planned["comment"]) == ("planned", "ann", "new kernel")
    assert recurring["weekly"][0]["location"] == "Europe/Berlin"
    silencing.show(site.store, everything=False, form="table")
    text = capsys.readouterr().out
    assert "each week mon,tue,wed,thu,fri 01:00-02:00 Europe/Berlin" in text
    silencing.expire(site.store, 1)
    with pytest.raises(ArgusError, match="there is no silence 9"):
        silencing.expire(site.store, 9)


def test_a_silence_without_matchers_or_in_the_past_is_refused(site: Site) -> None:
    with pytest.raises(ArgusError, match="would hold back everything"):
        wanted()
    with pytest.raises(ArgusError, match="is past"):
        silencing.add(site.store, wanted('node="a"', until="2020-01-01T00:00"), dry_run=False)
    with pytest.raises(ArgusError, match="no window of a week"):
        silencing.add(site.store, wanted('node="a"', windows=("at night",)), dry_run=False)
