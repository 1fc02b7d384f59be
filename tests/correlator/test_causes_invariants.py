"""Nodes die, guests crash and move, Zabbix goes away: each failure is told once, and ends."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argus.catalogue import libvirt
from argus.correlator.evaluate import Key
from argus.correlator.facts import ZABBIX, Facts, NodeValues, Placement, Problem
from argus.correlator.incidents import Change, Decision, Incident, Phase, decide
from argus.correlator.rulebook import BOOK
from argus.correlator.thresholds import Policy, Thresholds

pytestmark = pytest.mark.slow

NODES = tuple(f"cmp{number}" for number in range(4))
GUESTS = tuple(f"g{number:02}" for number in range(12))
PAUSES = st.sampled_from([1.0, 5.0, 30.0, 100.0, 400.0])
TRIGGERS = st.sampled_from(["guest_broken", "guest_not_running"])
# Pauses after which nothing is on its way any more: short ones while holds run, then long ones.
LONG = (*[60.0] * 5, *[300.0] * 10)


class Cloud(RuleBasedStateMachine):
    """Four nodes with three guests each at first; three nodes with one fault are a storm."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100_000.0
        self.policy = Policy(Thresholds(scope_min=3))
        self.state: dict[Key, Incident] = {}
        self.heard = dict.fromkeys(NODES, self.now)
        self.silent: set[str] = set()
        self.hung: set[str] = set()
        self.problems: dict[tuple[str, str], Problem] = {}
        self.stays = [Placement(guest, NODES[n // 3], guest, "p") for n, guest in enumerate(GUESTS)]
        self.blind = False
        self.quiet: set[str] = set()
        self.told: dict[Key, float | None] = {}
        self.spoke_for: dict[Key, int] = {}

    @rule(node=st.sampled_from(NODES), seconds=PAUSES)
    def node_dies(self, node: str, seconds: float) -> None:
        self.silent.add(node)
        self.cycle(seconds)

    @rule(node=st.sampled_from(NODES), seconds=PAUSES)
    def node_dies_with_its_guests(self, node: str, seconds: float) -> None:
        self.silent.add(node)
        for stay in self.stays:
            if stay.node == node and stay.until is None:
                self.fail(stay.guest, "guest_broken")
        self.cycle(seconds)

    @rule(node=st.sampled_from(NODES), seconds=PAUSES)
    def node_returns(self, node: str, seconds: float) -> None:
        self.silent.discard(node)
        self.cycle(seconds)

    @rule(node=st.sampled_from(NODES), seconds=PAUSES)
    def libvirtd_hangs_or_returns(self, node: str, seconds: float) -> None:
        self.hung ^= {node}
        self.cycle(seconds)

    @rule(guests=st.sets(st.sampled_from(GUESTS), max_size=6), trigger=TRIGGERS, seconds=PAUSES)
    def guests_fail(self, guests: set[str], trigger: str, seconds: float) -> None:
        for guest in guests:
            self.fail(guest, trigger)
        self.cycle(seconds)

    @rule(guests=st.sets(st.sampled_from(GUESTS)), seconds=PAUSES)
    def guests_recover(self, guests: set[str], seconds: float) -> None:
        self.problems = {key: each for key, each in self.problems.items() if key[0] not in guests}
        self.cycle(seconds)

    @rule(guest=st.sampled_from(GUESTS), node=st.sampled_from(NODES))
    def guest_moves(self, guest: str, node: str) -> None:
        last = next(stay for stay in self.stays if stay.guest == guest and stay.until is None)
        if last.node != node:
            self.stays.remove(last)
            self.stays.append(Placement(guest, last.node, guest, "p", last.since, self.now))
            self.stays.append(Placement(guest, node, guest, "p", self.now))
        self.cycle(5.0)

    @rule(seconds=PAUSES)
    def zabbix_goes_or_returns(self, seconds: float) -> None:
        self.blind = not self.blind
        self.cycle(seconds)

    @rule(node=st.sampled_from(NODES), seconds=PAUSES)
    def a_silence_begins_or_ends(self, node: str, seconds: float) -> None:
        self.quiet ^= {node}
        self.cycle(seconds)

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.cycle(seconds)

    @rule()
    def nothing_changes_for_long(self) -> None:
        """I1, I7: in the end, everything that is open was told, or what explains it was, or is silenced."""
        self.blind = False
        for seconds in LONG:
            self.cycle(seconds)
        loud = self.loud_members()
        for incident in self.state.values():
            unheard = incident.key.rule in BOOK.gathers and incident.key not in loud  # all its members are
            silenced = unheard or self.is_silenced(incident)
            if incident.phase is Phase.OPEN and not incident.held and not silenced:
                assert self.root(incident).told_at is not None, incident
        for key, number in loud.items():
            if self.state[key].told_at is not None and not self.state[key].held:
                assert self.spoke_for[key] >= number, f"I13: {key} grew, and nobody heard of it"

    @rule()
    def all_is_well(self) -> None:
        """I3: when all is well, nothing is open, and whoever was told heard the end."""
        self.blind = False
        self.silent, self.hung, self.problems = set(), set(), {}
        for seconds in LONG:
            self.cycle(seconds)
        assert self.state == {}
        assert not any(self.told.values())

    def is_silenced(self, incident: Incident) -> bool:
        return (incident.place or incident.key.subject) in self.quiet

    def loud_members(self) -> dict[Key, int]:
        """How many each incident speaks for that is nothing but many: of which people want to hear."""
        found: dict[Key, int] = {}
        for each in self.state.values():
            if each.clear_since is not None or self.is_silenced(each) or each.cause is None:
                continue
            if each.cause in self.state and each.cause.rule in BOOK.gathers:
                found[each.cause] = found.get(each.cause, 0) + 1
        return found

    def fail(self, guest: str, trigger: str) -> None:
        problem = Problem(f"{guest}{self.now}", guest, trigger, 4, self.now, {}, False, False, trigger)
        self.problems.setdefault((guest, trigger), problem)

    def facts(self, order: random.Random | None = None) -> Facts:
        if self.blind:
            return Facts(blind=(ZABBIX,), why_blind=("away",))
        nodes = [
            NodeValues(node, {libvirt.UP.field: float(node not in self.hung)}, at)
            for node, at in self.heard.items()
        ]
        problems, stays = list(self.problems.values()), list(self.stays)
        if order:
            problems += problems[:3]  # told twice
            for each in (nodes, problems, stays):
                order.shuffle(each)
        return Facts(tuple(problems), tuple(nodes), placements=tuple(stays))

    def cycle(self, seconds: float) -> None:
        self.now += seconds
        for node in NODES:
            if node not in self.silent:
                self.heard[node] = self.now
        before, facts = self.state, self.facts()
        decision = self.decided(before, facts)
        assert self.decided(before, self.facts(random.Random(1))) == decision, (
            "I9: the order of facts changed the outcome"
        )
        self.state = dict(decision.state)
        again = self.decided(self.state, facts)
        assert again == Decision(self.state), "I10: a replay did something"
        self.check_told(decision)

    def decided(self, before: dict[Key, Incident], facts: Facts) -> Decision:
        return decide(before, facts, self.policy, self.now, silenced=self.is_silenced)

    def check_told(self, decision: Decision) -> None:
        for effect in decision.effects:
            incident, key = effect.incident, effect.incident.key
            if self.blind:
                about_itself = key.subject == ZABBIX
                assert about_itself or effect.change is Change.HELD, f"I11: {effect.change} while blind"
            if effect.change in {Change.OPENED, Change.PROMOTED} and incident.told_at is not None:
                assert not self.told.get(key), f"told twice: {key}"
                self.told[key] = incident.told_at
                self.spoke_for[key] = incident.size or 0
            if effect.change is Change.GREW:
                assert self.told.get(key), f"it grew, and nobody knew of it: {key}"
                assert (incident.size or 0) > self.spoke_for[key]
                self.spoke_for[key] = incident.size or 0
            if effect.change in {Change.RESOLVED, Change.MERGED}:
                assert bool(self.told.get(key)) is (incident.told_at is not None), "I3"
                self.told[key] = None

    def root(self, incident: Incident) -> Incident:
        seen = {incident.key}
        while incident.cause is not None:
            assert incident.cause not in seen, "I8: a cause is its own symptom"
            assert incident.cause in self.state or incident.orphan_since is not None
            if incident.cause not in self.state:
                break
            incident = self.state[incident.cause]
            seen.add(incident.key)
        return incident

    @invariant()
    def who_speaks_for_many_swallows_nobody(self) -> None:
        """I13: what is nothing but many that failed together explains only what failed with them."""
        for incident in self.state.values():
            cause = self.state.get(incident.cause) if incident.cause is not None else None
            if cause is None or cause.key.rule not in BOOK.gathers or incident.held:
                continue
            assert abs(incident.since - cause.since) <= self.policy.scope_window, (incident, cause)

    @invariant()
    def causes_make_no_circle(self) -> None:
        for incident in self.state.values():
            self.root(incident)

    @invariant()
    def what_was_told_explains_itself(self) -> None:
        assert not any(each.told_at is not None and each.cause for each in self.state.values())


TestCloud = Cloud.TestCase
TestCloud.settings = settings(
    max_examples=settings().max_examples // 4, stateful_step_count=20, deadline=None
)
