"""Silences, mutes, maintenance, acknowledgements and the clock of escalation, asked when a message leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import heard, one_node

from argus import operating
from argus.catalogue import libvirt
from argus.correlator.facts import ZABBIX, Facts, NodeValues, Problem
from argus.correlator.service import Service, Services, State
from argus.cycle import labels
from argus.routing.matchers import parse
from argus.routing.times import Window
from argus.routing.tree import Due
from argus.schedule import BY_NAME, Performer
from argus.site import Site
from argus.store import outbox, reports, silences
from argus.store.engine import Store
from argus.store.models import IncidentRow

pytestmark = pytest.mark.slow  # hours of cycles on a real database

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
  - name: second
    webhook_configs: [{url: "URL/second"}]
  - name: boss
    webhook_configs: [{url: "URL/boss"}]
route:
  receiver: ops
  escalate: [{after: 15m, receiver: second}, {after: 1h, receiver: boss}]
"""
EVENING = datetime(2026, 12, 1, 21, 50, tzinfo=UTC).timestamp()
HOUR = 3600.0


@dataclass
class Fleet:
    """Nodes in two racks; some are silent, in a maintenance, or without libvirtd."""

    now: float = EVENING
    up: float = 1.0  # of cmp1
    silent: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    problems: tuple[Problem, ...] = ()
    last: dict[str, float] = field(default_factory=dict)
    racks: bool = True
    service: State | None = None

    def read(self, alive: object) -> Facts:
        assert callable(alive)
        alive()
        nodes = []
        for name in (f"cmp{number}" for number in range(1, 21)):
            if name not in self.silent:
                self.last[name] = self.now
            values = {libvirt.UP.field: self.up if name == "cmp1" else 1.0}
            rack = ("rack:r1",) if self.racks and name in RACK else ("rack:r2",) if self.racks else ()
            in_maintenance = name in self.away
            nodes.append(
                NodeValues(
                    name,
                    values,
                    self.last.setdefault(name, self.now),
                    within=rack,
                    in_maintenance=in_maintenance,
                )
            )
        if self.service is None:
            return Facts(self.problems, tuple(nodes))
        nova = Service("c/R/nova", "nova", self.service, f"it is {self.service.value}", EVENING - 60)
        services = Services((nova,), ())
        return Facts(self.problems, tuple(nodes), sources=(ZABBIX, "services"), others=(services,))

    def clock(self) -> float:
        return self.now


RACK = tuple(f"cmp{number}" for number in range(1, 7))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def site(store: Store, fleet: Fleet, inbox: Inbox, tmp_path: Path) -> Site:
    return one_node(store, fleet, inbox, tmp_path, ROUTES)  # type: ignore[arg-type]  # a source too


def run(site: Site, fleet: Fleet, seconds: float, step: float = 60.0) -> None:
    """Let time pass; hours in large steps up to the last ten minutes."""
    until = fleet.now + seconds
    while fleet.now < until:
        fleet.now += max(step, min(HOUR / 4, until - fleet.now - 600))
        for name in ("correlate", "deliver", "remind"):
            assert Performer(site).perform(BY_NAME[name])


def silence(site: Site, word: str, until: float | None, starts: float) -> int:
    with site.store.write() as session:
        return silences.add(session, [parse(word)], until, "ann", "known", starts).id


def muted_at_night(site: Site) -> Site:
    root = replace(site.router.root, muted=NIGHT)
    return replace(site, router=replace(site.router, root=root))


NIGHT = (Window(((22 * 60, 24 * 60), (0, 6 * 60))),)


def test_after_a_silence_escalation_begins_anew_and_does_not_page_everybody_at_once(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    silence(site, 'node="cmp1"', fleet.now + 8 * HOUR, fleet.now)
    fleet.up = 0.0
    run(site, fleet, 8 * HOUR + 120)
    assert heard(inbox) == [("ops", "open")]
    run(site, fleet, 14 * 60)
    assert heard(inbox) == [("ops", "open"), ("second", "open")]
    run(site, fleet, HOUR)
    assert heard(inbox)[2:] == [("boss", "open")]


def test_a_silence_that_is_expired_by_hand_pages_the_first_level_only(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    number = silence(site, 'node="cmp1"', fleet.now + 8 * HOUR, fleet.now)
    fleet.up = 0.0
    run(site, fleet, 2 * HOUR)
    with site.store.write() as session:
        assert silences.expire(session, number, fleet.now)
        assert not silences.expire(session, number, fleet.now + 5), "it is over"
        (row,) = silences.known(session, None)
        assert row.until == fleet.now
    run(site, fleet, 120)
    assert heard(inbox) == [("ops", "open")]
    run(site, fleet, 15 * 60)
    assert heard(inbox)[1:] == [("second", "open")]


def test_what_two_silences_hold_waits_for_both(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    silence(site, 'node="cmp1"', fleet.now + 8 * HOUR, fleet.now)
    longer = silence(site, 'rule=~".*"', fleet.now + 9 * HOUR, fleet.now)
    fleet.up = 0.0
    run(site, fleet, 300)
    with site.store.write() as session:
        assert silences.expire(session, longer, fleet.now)
    run(site, fleet, 300)
    assert heard(inbox) == []
    run(site, fleet, 8 * HOUR)
    assert heard(inbox)[0] == ("ops", "open")


def test_the_silence_that_holds_the_longest_is_named(store: Store) -> None:
    with store.write() as session:
        for hours in (2, 5, 3):
            silences.add(session, [parse('node="a"')], hours * HOUR, "ann", f"{hours} h", 0.0)
        rows = silences.active(session, 1.0)
        found = silences.matching(rows, {"node": "a"}, 1.0)
        quiet = silences.Quiet.at(session, 1.0).matching({"node": "a"})
    assert found is not None
    assert found is quiet
    assert found.comment == "5 h"


def test_a_planned_silence_holds_what_was_queued_before_it_began(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    silence(site, 'node="cmp1"', fleet.now + 8 * HOUR, fleet.now + 600)
    fleet.up = 0.0
    run(site, fleet, 300)
    run(site, fleet, 4 * HOUR)
    assert heard(inbox) == [("ops", "open")]


def test_a_planned_silence_takes_over_from_one_that_ends(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    silence(site, 'node="cmp1"', fleet.now + HOUR, fleet.now)
    silence(site, 'node="cmp1"', fleet.now + 3 * HOUR, fleet.now + HOUR / 2)
    fleet.up = 0.0
    run(site, fleet, 3 * HOUR - 60)
    assert heard(inbox) == []
    run(site, fleet, 180)
    assert heard(inbox) == [("ops", "open")]


def test_a_maintenance_that_begins_after_the_page_holds_the_escalation(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    fleet.up = 0.0
    run(site, fleet, 300)
    fleet.away = {"cmp1"}
    run(site, fleet, 2 * HOUR)
    assert heard(inbox) == [("ops", "open")]
    fleet.away = set()
    run(site, fleet, 120)
    assert heard(inbox)[1:] == [("second", "open")], "its time had come; the next level keeps its distance"


def test_a_rack_in_maintenance_that_is_switched_off_pages_nobody(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    run(site, fleet, 60)
    fleet.away = set(RACK)
    run(site, fleet, 60)
    fleet.silent = set(RACK)
    run(site, fleet, 1200, 15)
    assert heard(inbox) == []
    with site.store.read() as session:
        rules = {row.rule for row in reports.incidents(session, ("open",))}
    assert "place_is_silent" in rules, "it is an incident, and told if it outlives the maintenance"
    fleet.away = set()
    run(site, fleet, 60, 15)
    assert heard(inbox) == [("ops", "open")]


def test_one_node_of_the_rack_that_is_not_in_maintenance_pages(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    run(site, fleet, 60)
    fleet.away = set(RACK[1:])
    run(site, fleet, 60)
    fleet.silent = set(RACK)
    run(site, fleet, 600, 15)
    assert ("ops", "open") in heard(inbox)


@pytest.mark.parametrize("by", ["maintenance", "silence"])
def test_a_group_whose_members_are_all_silenced_pages_nobody(
    site: Site, fleet: Fleet, inbox: Inbox, by: str
) -> None:
    fleet.racks = False
    run(site, fleet, 60)
    if by == "maintenance":
        fleet.away = set(RACK)
    else:
        silence(site, 'node=~"cmp[1-6]"', fleet.now + 8 * HOUR, fleet.now)
    fleet.silent = set(RACK)
    run(site, fleet, 1200, 15)
    assert heard(inbox) == []
    with site.store.read() as session:
        rules = {row.rule for row in reports.incidents(session, ("open",))}
    assert "same_fault_on_many" in rules


def test_a_silence_of_a_rack_matches_the_racks_own_incident(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    run(site, fleet, 60)
    silence(site, 'rack="r1"', fleet.now + 8 * HOUR, fleet.now)
    fleet.silent = set(RACK)
    run(site, fleet, 1200, 15)
    assert heard(inbox) == []
    with site.store.read() as session:
        (place,) = [r for r in reports.incidents(session, ("open",)) if r.rule == "place_is_silent"]
    assert labels(place)["rack"] == "r1"


def test_what_escalates_inside_a_muted_interval_waits_for_its_end(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    muted = muted_at_night(site)
    fleet.up = 0.0
    run(muted, fleet, 300)
    run(muted, fleet, 8 * HOUR - 300)
    assert heard(inbox) == [("ops", "open")], "at 21:51; 22:06 is within the night"
    run(muted, fleet, 15 * 60)
    assert heard(inbox)[1:] == [("second", "open")], "at 06:00"


def test_the_end_is_told_in_a_silence_and_in_a_muted_interval(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    muted = muted_at_night(site)
    fleet.up = 0.0
    run(muted, fleet, 300)
    silence(site, 'node="cmp1"', None, fleet.now)
    fleet.up = 1.0
    run(muted, fleet, 1800)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]


def test_a_silence_until_resolved_ends_with_what_it_held_back(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    fleet.up = 0.0
    run(site, fleet, 120)
    silence(site, 'node="cmp1"', None, fleet.now)
    run(site, fleet, 2 * HOUR)
    fleet.up = 1.0
    run(site, fleet, 600)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]
    with site.store.read() as session:
        assert [silences.state(each, fleet.now) for each in silences.known(session, None)] == ["over"]
    run(site, fleet, 86400, HOUR)
    fleet.up = 0.0
    run(site, fleet, 120)
    assert heard(inbox)[2:] == [("ops", "open")], "a new outage is told"


def test_a_silence_until_resolved_lasts_while_one_of_its_incidents_is_left(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    number = silence(site, 'severity="HIGH"', None, fleet.now)
    fleet.up = 0.0
    fleet.silent = {"cmp9"}
    run(site, fleet, 600)
    fleet.up = 1.0
    run(site, fleet, 600)
    with site.store.read() as session:
        assert [row.id for row in silences.active(session, fleet.now)] == [number]
    fleet.silent = set()
    run(site, fleet, 600)
    with site.store.read() as session:
        assert not silences.active(session, fleet.now)
    assert heard(inbox) == []


def test_problems_that_are_suppressed_in_zabbix_are_held_until_they_are_not(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    def problem(*, suppressed: bool) -> Problem:
        tags = {"argus": "node_data_missing"}
        return Problem("77", "cmp9", "no data", 4, fleet.now, tags, False, suppressed, "node_data_missing")

    fleet.silent = {"cmp9"}
    fleet.problems = (problem(suppressed=True),)
    run(site, fleet, 1200)
    assert heard(inbox) == []
    with site.store.read() as session:
        (row,) = silences.active(session, fleet.now)
    assert (row.matchers, row.comment) == (['incident="1"'], "its problems are suppressed in Zabbix")
    fleet.problems = (problem(suppressed=False),)
    run(site, fleet, 120)
    assert heard(inbox) == [("ops", "open")]


def test_a_mute_of_weeks_ends_when_it_says(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    holidays = (
        Window(days=frozenset(range(20, 32)), months=frozenset({12})),
        Window(days=frozenset(range(1, 7)), months=frozenset({1})),
    )
    root = replace(site.router.root, muted=holidays)
    muted = replace(site, router=replace(site.router, root=root))
    fleet.now = datetime(2026, 12, 20, 9, tzinfo=UTC).timestamp()
    fleet.up = 0.0
    run(muted, fleet, 60)
    (due, *_) = muted.router.due({"rule": "x"}, fleet.now)
    assert due.at == datetime(2027, 1, 7, tzinfo=UTC).timestamp()
    fleet.now = due.at - 120
    run(muted, fleet, 60)
    assert heard(inbox) == []
    run(muted, fleet, 120)
    assert heard(inbox) == [("ops", "open")]


def test_holding_what_waits_takes_only_what_was_not_begun_and_never_shortens(store: Store) -> None:
    with store.write() as session:
        row = IncidentRow(rule="r", subject="s", phase="open", severity="HIGH", summary="", evidence={})
        row.since = row.seen_at = 0.0
        session.add(row)
        session.flush()
        dues = [
            Due("webhook:a", 10.0, 0, "a"),
            Due("webhook:b", 900.0, 0, "b"),
            Due("webhook:c", 9.0, 0, "c"),
        ]
        outbox.enqueue_open(session, row, dues, {}, 0.0)
        session.flush()
        a, b, c = reports.messages(session, row.id)
        c.attempts = 1
        held = silences.add(session, [parse('subject="s"')], 600.0, "ann", "x", 0.0)
        silences.hold_waiting(session, held, [row.id], 5.0)
        assert [each.next_at for each in (a, b, c)] == [600.0, 900.0, 9.0]
        assert [each.silence_id for each in (a, b, c)] == [held.id, None, None]


def test_what_becomes_worse_is_nobodys_again_and_escalates_with_its_new_severity(
    site: Site, fleet: Fleet, inbox: Inbox
) -> None:
    held = replace(site, policy=replace(site.policy, holds={"service_cannot_be_judged": 0.0}))
    fleet.service = State.DENIED
    run(held, fleet, 120)
    with site.store.write() as session:
        assert operating.take(session, 1, "ann", fleet.now)
    run(held, fleet, HOUR)
    assert [each for each in heard(inbox) if each[1] == "open"] == [("ops", "open")]
    fleet.service = State.UNKNOWN
    run(held, fleet, 120)
    run(held, fleet, 900)
    opened = [(each.path, each.json["severity"]) for each in inbox.requests if each.json["kind"] == "open"]
    assert opened == [("/ops", "INFO"), ("/second", "WARNING")]
    with site.store.read() as session:
        row = reports.incident(session, 1)
    assert row is not None
    assert row.acked_at is None


def test_an_update_waits_for_the_end_of_a_silence(site: Site, fleet: Fleet, inbox: Inbox) -> None:
    held = replace(site, policy=replace(site.policy, holds={"service_cannot_be_judged": 0.0}))
    fleet.service = State.DENIED
    run(held, fleet, 120)
    silence(site, 'rule="service_cannot_be_judged"', fleet.now + HOUR, fleet.now)
    fleet.service = State.UNKNOWN
    run(held, fleet, HOUR - 120)
    assert heard(inbox) == [("ops", "open")]
    run(held, fleet, 180)
    assert ("ops", "update") in heard(inbox)
