"""Incidents open, hold and resolve as facts come in, and only then."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from argus.catalogue import allocation, ksm, libvirt
from argus.correlator.evaluate import Key
from argus.correlator.facts import ZABBIX, Facts, NodeValues
from argus.correlator.incidents import Change, Decision, Incident, Phase, decide
from argus.correlator.rulebook import BOOK
from argus.correlator.thresholds import GIB, Policy

LIBVIRTD = Key("libvirtd_does_not_answer", "cmp1")
REPORTS = Key("node_does_not_report", "cmp1")
OVERCOMMIT = Key("overcommit_hurts_guests", "cmp1")
BLIND = Key("source_cannot_be_read", ZABBIX)
HEALTHY = {
    libvirt.UP.field: 1.0,
    ksm.RUN.field: 0.0,
    allocation.VCPU_RATIO.field: 0.5,
    allocation.STEAL_MAX.field: 0.0,
    allocation.MEMORY_FREE.field: 64 * GIB,
    allocation.VCPUS_FREE.field: 16.0,
}
BROKEN = {libvirt.UP.field: 0.0}
UNREADABLE = Facts(blind=(ZABBIX,), why_blind=("connection refused",))
EMPTY = Facts()


@dataclass
class World:
    """The engine under a clock of its own; remembers state as the database does."""

    now: float = 1000.0
    state: dict[Key, Incident] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def after(self, seconds: float, facts: Facts) -> list[tuple[str, Change]]:
        """Let time pass, look at ``facts``, and tell what has changed."""
        self.now += seconds
        decision = decide(self.state, facts, self.policy, self.now)
        self.state = dict(decision.state)
        again = decide(self.state, facts, self.policy, self.now)
        assert again == Decision(self.state, ()), "the same facts at the same time must change nothing more"
        return [(effect.incident.key.rule, effect.change) for effect in decision.effects]

    def node(self, values: dict[str, float] | None = None, *, at: float = inf, host: str = "cmp1") -> Facts:
        """Return facts of one node, by default healthy and measured when they are looked at."""
        return Facts(nodes=(NodeValues(host, {**HEALTHY, **(values or {})}, at),))

    def phase(self, key: Key) -> Phase | None:
        incident = self.state.get(key)
        return incident.phase if incident else None


def broken(world: World) -> Facts:
    return world.node(BROKEN)


def starving(steal: float) -> dict[str, float]:
    return {allocation.VCPU_RATIO.field: 2.0, allocation.STEAL_MAX.field: steal}


def with_libvirtd_open() -> World:
    world = World()
    world.after(0, broken(world))
    world.after(30, broken(world))
    assert world.phase(LIBVIRTD) is Phase.OPEN
    return world


def test_a_healthy_node_makes_no_incident() -> None:
    world = World()
    assert world.after(0, world.node()) == []
    assert world.state == {}


def test_a_finding_opens_only_after_it_has_stood_for_the_rules_hold() -> None:
    world = World()
    assert world.after(0, broken(world)) == [(LIBVIRTD.rule, Change.FOUND)]
    assert world.after(15, broken(world)) == []
    assert world.after(5, broken(world)) == [(LIBVIRTD.rule, Change.OPENED)]


def test_a_hold_of_zero_opens_at_once() -> None:
    world = World(policy=Policy(holds={LIBVIRTD.rule: 0.0}))
    assert world.after(0, broken(world)) == [(LIBVIRTD.rule, Change.OPENED)]


def test_a_finding_that_passes_within_the_hold_is_never_told() -> None:
    world = World()
    world.after(0, broken(world))
    assert world.after(15, world.node()) == [(LIBVIRTD.rule, Change.DROPPED)]
    assert world.state == {}


def test_it_resolves_only_after_all_has_been_well_for_the_rules_keep() -> None:
    world = with_libvirtd_open()
    assert world.after(15, world.node()) == []
    assert world.after(15, world.node()) == []
    assert world.after(15, world.node()) == [(LIBVIRTD.rule, Change.RESOLVED)]
    assert world.state == {}


def test_it_resolves_after_the_keep_that_was_configured() -> None:
    policy = Policy(holds={LIBVIRTD.rule: 0.0}, keeps={LIBVIRTD.rule: 0.0})
    world = World(policy=policy)
    world.after(0, broken(world))
    assert world.after(1, world.node()) == [(LIBVIRTD.rule, Change.RESOLVED)]


def test_a_flapping_value_stays_one_incident() -> None:
    world = with_libvirtd_open()
    for _ in range(10):
        assert world.after(15, world.node()) == []
        assert world.after(10, broken(world)) == []
    assert world.phase(LIBVIRTD) is Phase.OPEN


def test_a_resolved_trouble_that_comes_back_is_a_new_incident() -> None:
    world = with_libvirtd_open()
    first = world.state[LIBVIRTD].since
    world.after(15, world.node())
    world.after(30, world.node())
    world.after(15, broken(world))
    assert world.after(30, broken(world)) == [(LIBVIRTD.rule, Change.OPENED)]
    assert world.state[LIBVIRTD].since > first


def test_evidence_is_renewed_in_place() -> None:
    world = World()
    for steal in (0.20, 0.30, 0.40):
        world.after(70, world.node(starving(steal)))
    assert world.phase(OVERCOMMIT) is Phase.OPEN
    assert "40%" in world.state[OVERCOMMIT].summary


def test_an_open_incident_is_judged_by_the_relaxed_limit() -> None:
    world = World()
    world.after(0, world.node(starving(0.11)))
    world.after(130, world.node(starving(0.11)))
    assert world.phase(OVERCOMMIT) is Phase.OPEN
    world.after(200, world.node(starving(0.09)))  # below the limit, above 0.8 of it
    assert world.state[OVERCOMMIT].clear_since is None
    world.after(15, world.node(starving(0.07)))
    assert world.state[OVERCOMMIT].clear_since == world.now


def test_what_is_below_the_limit_does_not_open_though_above_the_relaxed_one() -> None:
    world = World()
    world.after(0, world.node(starving(0.09)))
    assert world.after(500, world.node(starving(0.09))) == []


def test_stale_values_neither_resolve_nor_open() -> None:
    world = with_libvirtd_open()
    old = world.now
    changes = world.after(600, world.node(at=old))  # last heard of as healthy, long ago
    assert (LIBVIRTD.rule, Change.HELD) in changes
    assert world.after(600, world.node(at=old)) == [(REPORTS.rule, Change.OPENED)]
    assert world.phase(LIBVIRTD) is Phase.OPEN
    fresh = World()
    assert LIBVIRTD.rule not in dict(fresh.after(600, fresh.node(BROKEN, at=1000.0)))


def test_a_value_that_never_came_is_unknown_not_zero() -> None:
    world = World()
    silent = Facts(nodes=(NodeValues("cmp1", {ksm.RUN.field: 0.0}, world.now),))
    assert world.after(0, silent) == []


def test_what_only_libvirtd_can_tell_goes_stale_while_the_node_reports() -> None:
    world = World()
    values = {**HEALTHY, "allocation_memory_free_bytes": 0.0}
    old = {"allocation_memory_free_bytes": world.now - 500, "allocation_vcpus_free": world.now - 500}
    assert world.after(1, Facts(nodes=(NodeValues("cmp1", values, world.now, old),))) == []


def test_what_was_held_is_counted_anew_when_the_node_is_heard_again() -> None:
    world = with_libvirtd_open()
    world.after(15, world.node())  # well since now
    world.after(300, world.node(at=world.now))
    assert world.after(15, world.node()) == [(LIBVIRTD.rule, Change.RELEASED), (REPORTS.rule, Change.DROPPED)]
    assert world.after(40, world.node()) == [(LIBVIRTD.rule, Change.RESOLVED)]


def test_the_cause_holds_the_symptoms_of_the_same_node() -> None:
    world = World()
    full = {"allocation_memory_free_bytes": 0.0, "libvirt_up": 0.0}
    assert world.after(0, world.node(full)) == [(LIBVIRTD.rule, Change.FOUND)]
    assert world.after(500, world.node(full)) == [(LIBVIRTD.rule, Change.OPENED)]


def test_a_blind_argus_resolves_nothing_and_says_that_it_is_blind() -> None:
    world = with_libvirtd_open()
    assert world.after(15, UNREADABLE) == [(LIBVIRTD.rule, Change.HELD), (BLIND.rule, Change.FOUND)]
    assert world.after(60, UNREADABLE) == [(BLIND.rule, Change.OPENED)]
    world.after(100_000, UNREADABLE)
    assert world.phase(LIBVIRTD) is Phase.OPEN
    assert world.after(15, world.node()) == [(LIBVIRTD.rule, Change.RELEASED)]
    assert set(world.after(60, world.node())) == {
        (LIBVIRTD.rule, Change.RESOLVED),
        (BLIND.rule, Change.RESOLVED),
    }


def test_a_node_that_left_zabbix_is_forgotten_after_a_while() -> None:
    world = with_libvirtd_open()
    assert world.after(15, world.node(host="cmp2")) == [(LIBVIRTD.rule, Change.HELD)]
    assert world.after(3000, world.node(host="cmp2")) == []
    assert world.after(700, world.node(host="cmp2")) == [(LIBVIRTD.rule, Change.RESOLVED)]


def test_a_zabbix_that_shows_no_node_at_all_resolves_nothing() -> None:
    world = with_libvirtd_open()
    world.after(15, EMPTY)
    world.after(100_000, EMPTY)
    assert world.phase(LIBVIRTD) is Phase.OPEN


def test_many_nodes_that_vanish_at_once_are_not_forgotten() -> None:
    world = World(policy=Policy(holds={LIBVIRTD.rule: 0.0}))
    names = [f"cmp{number}" for number in range(10)]
    world.after(0, Facts(nodes=tuple(NodeValues(n, {libvirt.UP.field: 0.0}, world.now) for n in names)))
    world.after(15, broken_cmp0 := world.node(BROKEN, host="cmp0"))
    assert world.after(100_000, broken_cmp0) == []
    assert sum(world.phase(Key(LIBVIRTD.rule, name)) is Phase.OPEN for name in names) == 10


def test_an_incident_of_a_rule_that_was_removed_is_closed() -> None:
    world = with_libvirtd_open()
    without_node_rules = replace(BOOK, rules={})
    decision = decide(world.state, world.node(), world.policy, world.now, without_node_rules)
    assert [effect.change for effect in decision.effects] == [Change.RESOLVED]


def test_a_clock_that_is_set_back_does_not_hold_for_ever() -> None:
    world = World(now=50_000.0)
    world.after(0, broken(world))
    world.now = 1000.0
    world.after(0, broken(world))
    assert world.after(30, broken(world)) == [(LIBVIRTD.rule, Change.OPENED)]


def test_what_recovers_under_a_clock_that_is_set_back_ends_all_the_same() -> None:
    world = with_libvirtd_open()
    world.now = 50_000.0
    world.after(0, world.node())  # healthy since then, by the clock of then
    world.now = 1000.0
    world.after(0, world.node())
    assert world.after(40, world.node()) == [(LIBVIRTD.rule, Change.RESOLVED)]
