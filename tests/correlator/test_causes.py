"""One failure is told once, by its cause; what outlives the cause is told by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from argus.catalogue import libvirt
from argus.catalogue.model import Severity
from argus.correlator.evaluate import Key
from argus.correlator.facts import ZABBIX, Facts, NodeValues, Placement, Problem
from argus.correlator.incidents import Change, Decision, Incident, Phase, decide
from argus.correlator.rulebook import BOOK, Rulebook
from argus.correlator.thresholds import Policy, Thresholds

START = 100_000.0


@dataclass
class Cloud:
    """Nodes with guests, under a clock of its own; ``told`` collects what people hear."""

    now: float = START
    policy: Policy = field(default_factory=Policy)
    book: Rulebook = BOOK
    state: dict[Key, Incident] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    stays: list[Placement] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    hung: set[str] = field(default_factory=set)
    last: Decision = field(default_factory=Decision)

    def add(self, node: str, guests: int, project: str = "demo") -> None:
        self.heard[node] = self.now
        names = [f"{node}-g{number}" for number in range(guests)]
        self.stays += [Placement(name, node, name, project, 0.0) for name in names]

    def fail(self, *guests: str, trigger: str = "guest_broken") -> None:
        for guest in guests:
            name = "Guest is shut off: crashed"
            self.problems[guest] = Problem(guest, guest, name, 4, self.now, {}, False, False, trigger)

    def cycle(self, seconds: float = 5.0, *, blind: bool = False) -> None:
        self.now += seconds
        for node in self.heard:
            if node not in self.silent:
                self.heard[node] = self.now
        decision = decide(self.state, self.facts(blind=blind), self.policy, self.now, self.book)
        self.last = decision
        self.state = dict(decision.state)
        for effect in decision.effects:
            incident = effect.incident
            if effect.change in {Change.OPENED, Change.PROMOTED} and incident.told_at is not None:
                self.told.append(incident.key)
            if effect.change in {Change.RESOLVED, Change.MERGED} and incident.told_at is not None:
                self.ended.append(incident.key)

    def facts(self, *, blind: bool = False) -> Facts:
        if blind:
            return Facts(blind=(ZABBIX,), why_blind=("away",))
        nodes = tuple(
            NodeValues(node, {libvirt.UP.field: float(node not in self.hung)}, at)
            for node, at in self.heard.items()
        )
        return Facts(tuple(self.problems.values()), nodes, placements=tuple(self.stays))

    def run(self, seconds: float, step: float = 5.0) -> None:
        for _ in range(int(seconds / step)):
            self.cycle(step)

    def causes(self) -> dict[str, str]:
        return {key.subject: each.cause.rule for key, each in self.state.items() if each.cause is not None}


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    made.add("cmp1", 4)
    made.add("cmp2", 20, "ops")
    made.run(20)
    return made


DOWN = ("node_does_not_report", "cmp1")
MANY = ("many_guests_fail", "cmp1")
BROKEN = ("guest_is_broken", "cmp1-g0")


def test_a_guest_that_crashes_on_a_healthy_node_is_told_within_seconds(cloud: Cloud) -> None:
    cloud.fail("cmp1-g0")
    cloud.run(10)
    assert cloud.told == [("guest_is_broken", "cmp1-g0")]
    incident = cloud.state[Key("guest_is_broken", "cmp1-g0")]
    assert incident.summary == "cmp1-g0 on cmp1: Guest is shut off: crashed"
    assert incident.evidence["project"] == "demo"
    cloud.problems.clear()
    cloud.run(60)
    assert cloud.ended == cloud.told


def test_a_guest_that_its_owner_shut_down_is_told_only_if_asked_for(cloud: Cloud) -> None:
    cloud.fail("cmp1-g0", trigger="guest_not_running")
    cloud.run(60)
    assert cloud.told == []
    cloud.policy = replace(cloud.policy, guest_incidents="all")
    cloud.run(60)
    assert cloud.told == [("guest_is_not_running", "cmp1-g0")]


def test_a_guest_with_two_problems_is_one_incident(cloud: Cloud) -> None:
    cloud.policy = replace(cloud.policy, guest_incidents="all")
    cloud.fail("cmp1-g0")
    off = replace(cloud.problems["cmp1-g0"], eventid="off", trigger_ident="guest_not_running")
    cloud.problems["off"] = off
    cloud.run(60)
    assert cloud.told == [("guest_is_broken", "cmp1-g0")]


def test_a_node_that_dies_with_its_guests_is_one_page_that_names_them(cloud: Cloud) -> None:
    cloud.silent.add("cmp1")
    cloud.fail("cmp1-g0", "cmp1-g1")  # Zabbix heard so much before the node fell silent
    cloud.run(600)
    assert cloud.told == [DOWN]
    evidence = cloud.state[Key(*DOWN)].evidence
    assert evidence["guests hit"] == "4: cmp1-g0, cmp1-g1, cmp1-g2, cmp1-g3"
    assert evidence["projects hit"] == "demo (4)"
    assert cloud.causes() == {"cmp1-g0": DOWN[0], "cmp1-g1": DOWN[0]}


def test_when_the_node_recovers_with_its_guests_there_is_one_end_too(cloud: Cloud) -> None:
    cloud.silent.add("cmp1")
    cloud.fail("cmp1-g0", "cmp1-g1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.problems.clear()
    cloud.run(300)
    assert (cloud.told, cloud.ended) == ([DOWN], [DOWN])
    assert cloud.state == {}


@pytest.mark.parametrize("trigger", ["guest_broken", "guest_not_running"])
def test_a_guest_that_stays_broken_after_its_node_is_back_becomes_its_own_incident(
    cloud: Cloud, trigger: str
) -> None:
    cloud.silent.add("cmp1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.fail("cmp1-g3", trigger=trigger)  # told by the agent as soon as it runs again
    cloud.run(60)
    assert (cloud.told, cloud.ended) == ([DOWN], [DOWN])
    cloud.run(200)
    rule = "guest_is_broken" if trigger == "guest_broken" else "guest_is_not_running"
    assert cloud.told == [DOWN, (rule, "cmp1-g3")]


def test_many_guests_that_fail_before_the_node_is_known_down_are_one_page(cloud: Cloud) -> None:
    cloud.fail("cmp1-g0", "cmp1-g1", "cmp1-g2")
    cloud.run(10)
    assert cloud.told == [MANY]
    cloud.silent.add("cmp1")
    cloud.run(600)
    assert cloud.told == [MANY], "that the node is down belongs to what was told"
    assert cloud.causes()["cmp1"] == MANY[0]
    cloud.silent.clear()
    cloud.problems.clear()
    cloud.run(600)
    assert cloud.ended == [MANY]


def test_three_of_many_guests_are_three_incidents(cloud: Cloud) -> None:
    cloud.fail("cmp2-g0", "cmp2-g1", "cmp2-g2")
    cloud.run(30)
    assert sorted(cloud.told) == [("guest_is_broken", f"cmp2-g{number}") for number in range(3)]


def test_a_guest_that_moved_away_before_it_broke_is_no_symptom_of_its_old_node(cloud: Cloud) -> None:
    left = next(stay for stay in cloud.stays if stay.guest == "cmp1-g0")
    cloud.stays.remove(left)
    moved = Placement("cmp1-g0", "cmp2", "cmp1-g0", "demo", cloud.now)
    cloud.stays += [replace(left, until=cloud.now), moved]
    cloud.run(20)
    cloud.silent.add("cmp1")
    cloud.run(10)
    cloud.fail("cmp1-g0")
    cloud.run(600)
    assert sorted(cloud.told) == [("guest_is_broken", "cmp1-g0"), DOWN]
    assert cloud.state[Key(*DOWN)].evidence["guests hit"].startswith("3: ")


def test_a_guest_whose_node_was_not_heard_of_since_waits_for_the_node(cloud: Cloud) -> None:
    cloud.silent.add("cmp1")
    cloud.cycle(1)
    cloud.fail("cmp1-g0")
    cloud.run(60)
    assert cloud.told == []
    cloud.silent.clear()
    cloud.run(10)
    assert cloud.told == [("guest_is_broken", "cmp1-g0")]


def test_guests_that_fail_while_libvirtd_hangs_are_listed_with_it(cloud: Cloud) -> None:
    cloud.hung.add("cmp1")
    cloud.run(10)
    cloud.fail("cmp1-g0")
    cloud.run(300)
    assert cloud.told == [("libvirtd_does_not_answer", "cmp1")]
    assert cloud.causes() == {"cmp1-g0": "libvirtd_does_not_answer"}


def storm(nodes: int, guests: int) -> Cloud:
    made = Cloud()
    for number in range(nodes):
        made.add(f"n{number:03}", guests)
    made.run(20)
    return made


def test_the_same_fault_on_many_nodes_is_exactly_one_page() -> None:
    cloud = storm(40, 2)
    cloud.silent |= set(cloud.heard)
    cloud.run(600)
    assert cloud.told == [("same_fault_on_many", "node_does_not_report")]
    summary = cloud.state[Key("same_fault_on_many", "node_does_not_report")].summary
    assert summary == "40 at once: the node does not report"
    cloud.silent.clear()
    cloud.run(600)
    assert cloud.ended == cloud.told
    assert cloud.state == {}


def test_what_outlives_a_storm_is_told_by_itself() -> None:
    cloud = storm(10, 0)
    cloud.silent |= set(cloud.heard)
    cloud.run(300)
    cloud.silent = {"n003"}
    cloud.run(100)
    assert cloud.told == [("same_fault_on_many", "node_does_not_report")]
    cloud.run(300)
    assert cloud.told[1:] == [("node_does_not_report", "n003")]


def test_storage_that_pauses_guests_everywhere_is_one_page() -> None:
    cloud = storm(30, 4)
    cloud.fail(*(stay.guest for stay in cloud.stays if not stay.guest.endswith("g3")))
    cloud.fail("n000-g3")
    cloud.run(600)
    assert cloud.told == [("same_fault_on_many", "many_guests_fail")]


def test_a_blind_argus_neither_promotes_nor_tells_symptoms(cloud: Cloud) -> None:
    cloud.silent.add("cmp1")
    cloud.fail("cmp1-g0")
    cloud.run(300)
    for _ in range(100):
        cloud.cycle(15, blind=True)
    assert cloud.told == [DOWN, ("source_cannot_be_read", ZABBIX)]


def test_a_cause_that_was_a_false_alarm_holds_nothing_back(cloud: Cloud) -> None:
    cloud.silent.add("cmp1")
    cloud.fail("cmp1-g0")
    cloud.run(100)  # past stale_after, before the node's own hold is over
    assert cloud.state[Key(*DOWN)].phase is Phase.PENDING
    assert cloud.causes() == {"cmp1-g0": DOWN[0]}
    cloud.silent.clear()
    cloud.cycle()
    assert cloud.told == [("guest_is_broken", "cmp1-g0")]


def test_a_node_that_dies_behind_others_is_told_when_the_storm_is_over() -> None:
    """Its guests' failure was told by the storm and cannot be judged any more: the node speaks for itself."""
    cloud = Cloud(policy=Policy(Thresholds(scope_min=3)))
    for node in ("a", "b", "c"):
        cloud.add(node, 3)
    for node, seconds in (("a", 1.0), ("b", 30.0), ("c", 1.0)):
        cloud.silent.add(node)
        cloud.fail(*(f"{node}-g{number}" for number in range(3)))
        cloud.cycle(seconds)
    cloud.run(3000, step=60)
    storm = ("same_fault_on_many", "many_guests_fail")
    assert set(cloud.told) - set(cloud.ended) == {storm}, "one word for all three, while it lasts"
    cloud.silent -= {"a", "b"}
    cloud.problems = {name: each for name, each in cloud.problems.items() if name.startswith("c")}
    cloud.run(600)
    assert storm in cloud.ended
    assert cloud.told[-1] == ("node_does_not_report", "c")


def test_pages_that_went_out_before_their_cause_was_known_are_merged_into_it(cloud: Cloud) -> None:
    cloud.fail("cmp1-g0")
    cloud.run(10)
    assert cloud.told == [BROKEN]
    cloud.silent.add("cmp1")
    cloud.run(200)
    assert (cloud.told, cloud.ended) == ([BROKEN, DOWN], [BROKEN])
    assert cloud.causes() == {"cmp1-g0": DOWN[0]}
    cloud.silent.clear()
    cloud.run(300)
    assert cloud.told == [BROKEN, DOWN, BROKEN], "it outlived the node that it was merged into"
    assert cloud.ended == [BROKEN, DOWN]


def test_what_somebody_looks_after_is_left_to_them(cloud: Cloud) -> None:
    cloud.fail("cmp1-g0")
    cloud.run(10)
    key = Key(*BROKEN)
    cloud.state = {**cloud.state, key: replace(cloud.state[key], acked=True)}
    cloud.silent.add("cmp1")
    cloud.run(200)
    assert (cloud.told, cloud.ended) == ([BROKEN, DOWN], [])


def test_what_is_worse_than_its_cause_stays_a_page_of_its_own(cloud: Cloud) -> None:
    mild = replace(BOOK.rules[DOWN[0]], severity=Severity.AVERAGE)
    cloud.book = replace(BOOK, rules={**BOOK.rules, DOWN[0]: mild})
    cloud.fail("cmp1-g0")
    cloud.run(10)
    cloud.silent.add("cmp1")
    cloud.run(200)
    assert (cloud.told, cloud.ended) == ([BROKEN, DOWN], [])


def test_guests_whose_libvirtd_hangs_in_the_moment_they_fail_hide_behind_what_is_told() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 3)
    cloud.cycle()
    cloud.fail("cmp1-g0", "cmp1-g1", "cmp1-g2")
    cloud.cycle(1)
    cloud.hung.add("cmp1")
    for _ in range(40):
        cloud.cycle()
    assert cloud.told == [("libvirtd_does_not_answer", "cmp1")]
    for key, incident in cloud.state.items():
        if key not in cloud.told:
            assert incident.cause == ("libvirtd_does_not_answer", "cmp1")


def test_a_fault_that_cannot_be_judged_any_more_hides_no_guest(cloud: Cloud) -> None:
    """Libvirtd had no time to be told before its node fell silent, long after the guest broke."""
    cloud.cycle()
    cloud.hung.add("cmp1")
    cloud.cycle(1)
    cloud.silent.add("cmp1")
    cloud.fail("cmp1-g0")
    cloud.cycle(400)
    cloud.run(600)
    pending = cloud.state[Key("libvirtd_does_not_answer", "cmp1")]
    assert (pending.phase, bool(pending.held)) == (Phase.PENDING, True)
    assert ("guest_is_broken", "cmp1-g0") in cloud.told
