"""Whatever happens in whatever order, the engine keeps its promises."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argus.catalogue import allocation, libvirt
from argus.correlator.evaluate import Key
from argus.correlator.facts import ZABBIX, Facts, NodeValues
from argus.correlator.incidents import Change, Decision, Incident, Phase, decide
from argus.correlator.rules import BY_NAME
from argus.correlator.thresholds import GIB, Policy

pytestmark = pytest.mark.slow

HOSTS = ("cmp1", "cmp2", "cmp3")
PAUSES = st.sampled_from([0.0, 15.0, 60.0, 130.0, 4000.0])
LIFE = {  # what may follow what, for one key
    None: {Change.FOUND, Change.OPENED},
    Change.FOUND: {Change.OPENED, Change.DROPPED},
    Change.OPENED: {Change.RESOLVED},
    Change.DROPPED: {Change.FOUND, Change.OPENED},
    Change.RESOLVED: {Change.FOUND, Change.OPENED},
}


class Engine(RuleBasedStateMachine):
    """A small cloud whose nodes break, fall silent and vanish; its Zabbix is away at times."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10_000.0
        self.policy = Policy(holds={"libvirtd_does_not_answer": 0.0})
        self.state: dict[Key, Incident] = {}
        self.nodes: dict[str, tuple[dict[str, float], float]] = {}
        self.blind = False
        self.last: dict[Key, Change] = {}

    @rule(
        host=st.sampled_from(HOSTS),
        seconds=PAUSES,
        up=st.sampled_from([0.0, 1.0]),
        steal=st.sampled_from([0.0, 0.09, 0.5]),
        free=st.sampled_from([0.0, 64 * GIB]),
    )
    def report(self, host: str, seconds: float, up: float, steal: float, free: float) -> None:
        values = {
            libvirt.UP.field: up,
            allocation.VCPU_RATIO.field: 3.0,
            allocation.STEAL_MAX.field: steal,
            allocation.MEMORY_FREE.field: free,
            allocation.VCPUS_FREE.field: 8.0,
        }
        self.nodes[host] = (values, self.now + seconds)
        self.cycle(seconds)

    @rule(seconds=PAUSES)
    def go_on_as_before(self, seconds: float) -> None:
        """All nodes report what they reported."""
        self.nodes = {host: (values, self.now + seconds) for host, (values, _) in self.nodes.items()}
        self.cycle(seconds)

    @rule(seconds=PAUSES)
    def fall_silent(self, seconds: float) -> None:
        self.cycle(seconds)

    @rule()
    def set_the_clock_back(self) -> None:
        self.cycle(-500.0)

    @rule(host=st.sampled_from(HOSTS), field=st.sampled_from([libvirt.UP.field, allocation.STEAL_MAX.field]))
    def lose_a_value(self, host: str, field: str) -> None:
        if host in self.nodes:
            self.nodes[host][0].pop(field, None)
            self.cycle(1.0)

    @rule(host=st.sampled_from(HOSTS), seconds=PAUSES)
    def leave_zabbix(self, host: str, seconds: float) -> None:
        self.nodes.pop(host, None)
        self.cycle(seconds)

    @rule(seconds=PAUSES)
    def lose_zabbix(self, seconds: float) -> None:
        self.blind = True
        self.cycle(seconds)

    @rule()
    def find_zabbix(self) -> None:
        self.blind = False

    def cycle(self, seconds: float) -> None:
        self.now += seconds
        facts, before = self.facts(), self.state
        decision = decide(before, facts, self.policy, self.now)
        self.state = dict(decision.state)
        assert decide(self.state, facts, self.policy, self.now) == Decision(self.state, ()), (
            "a replay did something"
        )
        self.check_life(decision)
        self.check_unknown(before, decision)

    def facts(self) -> Facts:
        if self.blind:
            return Facts(blind=(ZABBIX,), why_blind=("away",))
        return Facts(nodes=tuple(NodeValues(host, *known) for host, known in sorted(self.nodes.items())))

    def check_life(self, decision: Decision) -> None:
        """No end without a beginning, no second beginning before the end."""
        for effect in decision.effects:
            key = effect.incident.key
            if effect.change not in {Change.HELD, Change.RELEASED}:
                assert effect.change in LIFE[self.last.get(key)], (key, self.last.get(key), effect.change)
                self.last[key] = effect.change

    def check_unknown(self, before: dict[Key, Incident], decision: Decision) -> None:
        """What cannot be known does not end, unless its node has been gone for long enough."""
        for effect in decision.effects:
            if effect.change not in {Change.RESOLVED, Change.OPENED}:
                continue
            key = effect.incident.key
            node_rule = bool(BY_NAME[key.rule].needs)
            assert not (self.blind and key.subject != ZABBIX), "blind, and yet decided on a node"
            known = self.nodes.get(key.subject)
            if known is None and key.subject != ZABBIX:
                gone_since = before[key].absent_since
                assert gone_since is not None
                assert self.now - gone_since >= self.policy.forget_after
            elif known is not None and node_rule:
                assert self.now - known[1] <= self.policy.stale_after, "decided on stale values"
                assert all(metric.field in known[0] for metric in BY_NAME[key.rule].needs)

    @invariant()
    def only_pending_and_open_are_remembered(self) -> None:
        for key, incident in self.state.items():
            assert incident.key == key
            assert incident.phase is not Phase.RESOLVED
            assert (incident.opened_at is not None) is (incident.phase is Phase.OPEN)


TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=50, deadline=None
)
