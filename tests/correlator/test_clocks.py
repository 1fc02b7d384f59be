"""A node is judged by when its values go on, whatever its clock says."""

from __future__ import annotations

from dataclasses import dataclass, field

from argus.catalogue import libvirt
from argus.catalogue.model import Severity
from argus.correlator.clocks import Clock, follow
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues, Problem
from argus.correlator.incidents import Change, Incident, decide
from argus.correlator.rules.clocks import node_clock_is_off
from argus.correlator.thresholds import Policy

START = 1_000_000.0
POLICY = Policy()


@dataclass
class Node:
    """One node whose clock is ``off`` by so many seconds; its agent sends every 15 s."""

    off: float
    now: float = START
    at: float = START
    alive: bool = True
    clocks: dict[str, Clock] = field(default_factory=dict)
    state: dict[Key, Incident] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    told: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds / 5)):
            self.now += 5
            if self.alive and self.now % 15 == 0:
                self.at = self.now + self.off
            facts = Facts(self.problems, (NodeValues("cmp1", {libvirt.UP.field: 1.0}, self.at),), at=self.now)
            facts, self.clocks = follow(self.clocks, facts, POLICY.stale_after, self.now)
            decision = decide(self.state, facts, POLICY, self.now)
            self.state = dict(decision.state)
            opened = [each.incident.key for each in decision.effects if each.change is Change.OPENED]
            # that its clock is off is an incident of its own
            self.told += [self.now for key in opened if key.rule != node_clock_is_off.name]


def test_a_node_whose_clock_is_ahead_is_told_as_soon_as_any_other_when_it_dies() -> None:
    node = Node(off=3600)
    node.run(600)
    assert node.told == []
    node.alive, died = False, node.now
    node.run(300)
    assert [at - died for at in node.told] == [115.0], "90 s and a hold of 30 s after its last value"


def test_a_node_whose_clock_is_ten_minutes_behind_is_not_dead() -> None:
    node = Node(off=-600, at=START - 600)
    node.run(600)
    assert node.told == []
    node.alive, died = False, node.now
    node.run(300)
    assert [at - died for at in node.told] == [115.0], "90 s and a hold of 30 s after its last value"


def test_a_clock_that_is_nearly_too_far_behind_does_not_flap() -> None:
    node = Node(off=-85, at=START - 85)
    node.run(1800)
    assert node.told == []


def test_a_node_whose_clock_is_right_is_not_remembered() -> None:
    node = Node(off=2)
    node.run(60)
    assert node.clocks == {}


def test_what_a_proxy_delivers_late_is_no_sign_of_life() -> None:
    """The node died at ``START``; its proxy was away, and delivers five minutes of values at once."""
    known = {"cmp1": Clock(START - 300, START + 190, START - 300)}
    facts = Facts(nodes=(NodeValues("cmp1", {}, START),), at=START + 200)
    found, clocks = follow(known, facts, POLICY.stale_after, START + 200)
    assert found.nodes[0].age(START + 200) == 200.0
    assert clocks["cmp1"].heard == START


def test_a_clock_that_was_set_right_is_judged_anew() -> None:
    known = {"cmp1": Clock(START + 600, START - 30, START - 30)}
    back = Facts(nodes=(NodeValues("cmp1", {}, START + 300),), at=START)
    found, clocks = follow(known, back, POLICY.stale_after, START)
    assert clocks["cmp1"] == Clock(START + 300, START, START)
    right = Facts(nodes=(NodeValues("cmp1", {}, START - 5),), at=START)
    found, clocks = follow(clocks, right, POLICY.stale_after, START)
    assert (found.nodes[0].heard, clocks) == (None, {})


def nodata(at: float) -> Problem:
    return Problem("1", "cmp1", "no data", 4, at, {}, False, False, "node_data_missing")


def told(facts: Facts, now: float) -> list[str]:
    return [each.summary for key, each in decide({}, facts, POLICY, now).state.items() if key.rule == RULE]


RULE = "node_does_not_report"


def test_the_trigger_of_zabbix_is_believed_against_a_clock_that_is_ahead() -> None:
    ahead = NodeValues("cmp1", {libvirt.UP.field: 1.0}, START + 3600)
    found = told(Facts((nodata(START - 10),), (ahead,)), START)
    assert found == ["cmp1 does not report: its clock is ahead, and Zabbix gets no new values"]


def test_values_that_go_on_after_the_trigger_fired_win_over_it_by_our_clock() -> None:
    node = Node(off=600, problems=(nodata(START + 10),))
    node.run(300)
    assert node.told == []


def test_ages_are_judged_by_when_reading_began() -> None:
    facts = Facts(nodes=(NodeValues("cmp1", {libvirt.UP.field: 1.0}, START),), at=START + 5)
    assert told(facts, START + 500) == []
    assert facts.read_at(START) == START, "a clock that was set back meanwhile"


def test_a_value_of_a_field_is_as_old_as_it_is_behind_the_newest() -> None:
    node = NodeValues("cmp1", {"x": 1.0}, START + 600, {"x": START + 570}, heard=START)
    assert node.age_of("x", START + 10) == 40.0
    assert NodeValues("cmp1", {}, 0.0).age(START) is None


def test_severity_of_a_silent_node_is_high() -> None:
    facts = Facts(nodes=(NodeValues("cmp1", {libvirt.UP.field: 1.0}, START),))
    (found,) = (
        each for key, each in decide({}, facts, POLICY, START + 200).state.items() if key.rule == RULE
    )
    assert found.severity is Severity.HIGH
