"""What left Zabbix ends after a while, what is out of sight is not well, and what flaps ends late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argus.catalogue import libvirt
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.incidents import Change, Incident, decide
from argus.correlator.rulebook import BOOK
from argus.correlator.thresholds import Policy
from tests.correlator.test_causes import BROKEN, Cloud

DAY = 86400.0


def gone(cloud: Cloud, *nodes: str) -> None:
    for node in nodes:
        del cloud.heard[node]


def silent_nodes(number: int) -> Cloud:
    cloud = Cloud()
    for each in range(20):
        cloud.add(f"n{each}", 0)
    cloud.run(20)
    cloud.silent |= {f"n{each}" for each in range(number)}
    cloud.run(300)
    return cloud


def test_one_node_that_was_deleted_ends_after_an_hour() -> None:
    cloud = silent_nodes(1)
    gone(cloud, "n0")
    cloud.run(3500, step=100)
    assert cloud.ended == []
    cloud.run(200, step=100)
    assert cloud.ended == [("node_does_not_report", "n0")]


def test_many_nodes_that_were_deleted_at_once_end_after_two_days() -> None:
    """That looks like a lost permission, which somebody notices within two days."""
    cloud = silent_nodes(4)
    gone(cloud, "n0", "n1", "n2", "n3")
    cloud.run(1.9 * DAY, step=3600)
    assert cloud.ended == []
    cloud.run(0.3 * DAY, step=3600)
    assert sorted(key for _, key in cloud.ended) == ["n0", "n1", "n2", "n3"]


def test_while_no_node_is_shown_at_all_nothing_ends() -> None:
    cloud = silent_nodes(2)
    gone(cloud, *list(cloud.heard))
    cloud.run(60 * DAY, step=DAY)
    assert cloud.ended == []


def crashed() -> Cloud:
    cloud = Cloud()
    cloud.add("cmp1", 10)
    cloud.run(20)
    cloud.fail("cmp1-g0")
    cloud.run(20)
    assert cloud.told == [BROKEN]
    cloud.problems.clear()
    return cloud


def out_of_sight(cloud: Cloud, seconds: float) -> list[Change]:
    """Run while Zabbix does not show the host of the guest that crashed."""
    changes: list[Change] = []
    for _ in range(int(seconds / 60)):
        cloud.now += 60
        node = NodeValues("cmp1", {libvirt.UP.field: 1.0, "allocation_guests_defined": 10.0}, cloud.now)
        facts = replace(cloud.facts(), nodes=(node,), unseen=("cmp1-g0",))
        decision = decide(cloud.state, facts, cloud.policy, cloud.now)
        cloud.state = dict(decision.state)
        changes += [effect.change for effect in decision.effects if effect.incident.key == BROKEN]
    return changes


def test_a_guest_whose_host_is_out_of_sight_is_held_and_not_called_well() -> None:
    cloud = crashed()
    assert out_of_sight(cloud, 1800) == [Change.HELD]
    assert cloud.state[Key(*BROKEN)].held == "Zabbix lists the guest no longer"


def test_a_guest_whose_host_stays_away_ends_after_an_hour_and_says_why() -> None:
    cloud = crashed()
    assert out_of_sight(cloud, 3900) == [Change.HELD, Change.RESOLVED]


def test_a_guest_whose_host_is_shown_and_has_no_problem_is_well() -> None:
    cloud = crashed()
    cloud.run(60)
    assert cloud.ended == [BROKEN]


RULE = BOOK.rules["libvirtd_does_not_answer"]


def test_what_must_be_well_for_how_long_grows_with_how_often_it_came_back() -> None:
    policy = Policy()
    quiet = [policy.quiet(RULE, flaps) for flaps in range(9)]
    assert quiet[:5] == [30.0, 60.0, 120.0, 900.0, 1800.0]
    assert quiet == sorted(quiet)
    assert policy.quiet(RULE, 1000) == 4 * 3600


def pages(period: float, up: float) -> int:
    """Count the pages of a day about a libvirtd that is away and back, away and back."""
    policy, now, start = Policy(), 1e6, 1e6
    state: dict[Key, Incident] = {}
    ends: list[float] = []
    told = 0
    while now - start < DAY:
        now += 15
        well = (now - start) % period >= period - up
        node = NodeValues("cmp1", {libvirt.UP.field: float(well)}, now)
        recent = {Key(RULE.name, "cmp1"): sum(end >= now - policy.flap_window for end in ends)}
        decision = decide(state, Facts(nodes=(node,)), policy, now, recent=recent)
        state = dict(decision.state)
        for effect in decision.effects:
            told += effect.change is Change.OPENED
            ends += [now] if effect.change is Change.RESOLVED else []
    return told


@pytest.mark.parametrize(
    ("period", "up"), [(120, 60), (300, 120), (600, 300), (720, 300), (900, 300), (1800, 600), (3600, 1800)]
)
def test_what_comes_and_goes_all_day_is_a_few_pages_however_fast(period: float, up: float) -> None:
    assert pages(period, up) <= 6
