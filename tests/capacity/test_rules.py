"""What fires, what must not, and whose limits count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fleets import ask, host, settle

from argus.catalogue.model import Severity
from argus.correlator.capacity.model import Allocation, Flavor, Guest, Pain
from argus.correlator.capacity.report import Neighbours, Report, report
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts
from argus.correlator.incidents import Incident, Phase, decide
from argus.correlator.rule import Finding, Unknown
from argus.correlator.rules.fleet import FAMILY, OF_AGENTS, draw, source_of
from argus.correlator.thresholds import GIB, CapacityTerms, Policy, Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = {rule.name: rule for rule in FAMILY.rules}
HOSTS = [host("a", 8, 16384, zone="z", aggregates=("ssd",)), host("b", 8, 16384, zone="z")]
GUESTS = [Guest("g", "a", ask(2, 2048))]
FLAVORS = (Flavor("big", ask(8, 8192)),)
WATCHED = CapacityTerms(("big",))
PLAIN = Policy()


def judged(
    made: Report, rule: str, policy: Policy = PLAIN, scope: str = "all", *, relaxed: bool = False
) -> Any:
    rooms = dict(draw(Facts(others=(made,)), policy, 0.0))
    limits = policy.thresholds.relaxed() if relaxed else policy.thresholds
    return RULES[rule].check(rooms[f"capacity:f/{scope}"], limits)


def made(**changes: object) -> Report:
    return replace(report(replace(settle("f", HOSTS, GUESTS), flavors=FLAVORS)), **changes)  # type: ignore[arg-type]  # tests name real fields


def test_a_healthy_fleet_finds_nothing() -> None:
    policy = Policy(Thresholds(flavor_fits_min=1), capacity=WATCHED)
    for name in RULES:
        outcome = judged(made(), name, policy)
        assert not isinstance(outcome, Finding), name


def test_a_flavor_that_fits_too_seldom_and_one_that_fits_nowhere() -> None:
    few = judged(made(), "flavor_does_not_fit", Policy(Thresholds(flavor_fits_min=2), capacity=WATCHED))
    assert "1 more of big" in few.summary
    assert few.severity is Severity.AVERAGE
    full = settle("f", HOSTS, [*GUESTS, Guest("h", "b", ask(1, 1))])
    none = judged(report(replace(full, flavors=FLAVORS)), "flavor_does_not_fit", Policy(capacity=WATCHED))
    assert none.severity is Severity.HIGH


def test_the_limit_of_an_aggregate_is_its_own_and_has_its_hysteresis() -> None:
    terms = CapacityTerms(("big",), {"aggregate:ssd": {"flavor_fits_min": 0}})
    policy = Policy(Thresholds(flavor_fits_min=2), capacity=terms)
    assert judged(made(), "flavor_does_not_fit", policy, "aggregate:ssd") is None
    own = CapacityTerms(("big",), {"aggregate:ssd": {"flavor_fits_min": 0.9}})
    close = Policy(Thresholds(flavor_fits_min=2), capacity=own)
    room = dict(draw(Facts(others=(made(),)), close, 0.0))["capacity:f/aggregate:ssd"]
    assert room.limit(close.thresholds.relaxed(), "flavor_fits_min") == pytest.approx(0.9 * 1.2)


def test_a_loss_that_does_not_fit_names_the_guests() -> None:
    hosts = [host("a", 16, 16384), host("b", 8, 16384)]
    fleet = settle("f", hosts, [Guest("g1", "a", ask(8, 1), "web"), Guest("g2", "b", ask(1, 1), "db")])
    found = judged(report(fleet), "failover_deficit")
    assert found.summary == "f: the loss of a leaves 1 guest without a host"
    assert "web" in str(found.evidence)


def test_a_site_of_one_host_is_not_told_that_it_has_no_other() -> None:
    fleet = settle("f", [host("a", 16, 16384)], [Guest("g1", "a", ask(8, 1), "web")])
    assert report(fleet).deficits
    assert judged(report(fleet), "failover_deficit") is None


def test_who_cannot_be_seen_is_unknown_and_not_well() -> None:
    blind = report(replace(settle("f", HOSTS, GUESTS), missing={"servers": "not permitted"}))
    assert isinstance(judged(blind, "failover_deficit"), Unknown)
    assert isinstance(judged(made(missing={"quotas": "403"}), "quota_promise"), Unknown)
    assert isinstance(judged(made(), "memory_overcommit_hurts"), Unknown)
    assert isinstance(judged(made(), "full_before_lead_time"), Unknown)


CROWD = [Guest(f"g{n}", "a", ask(6, 12000)) for n in range(4)]
CALM = Pain(steal=0.0, stall=0.0, swap=0.0, ballooned=0.0, cpu_stall=0.0)
MEMORY_RULE, VCPU_RULE = "memory_overcommit_hurts", "vcpu_overcommit_hurts"


@pytest.mark.parametrize(
    ("pain", "rule", "says"),
    [
        ({"steal": 0.4}, VCPU_RULE, "a guest waits 40% of the time"),
        ({"cpu_stall": 0.9, "steal": None}, VCPU_RULE, "a node lacks a CPU 90% of the time"),
        ({"swap": 3 * GIB}, MEMORY_RULE, "a node swaps 3.0 GiB"),
        ({"stall": 0.2}, MEMORY_RULE, "a node lacks memory 20% of the time"),
        ({"ballooned": 2 * GIB}, MEMORY_RULE, "balloons of a node hold back 2.0 GiB"),
    ],
)
def test_promises_hurt_only_when_something_hurts(pain: dict[str, float | None], rule: str, says: str) -> None:
    sore = [replace(HOSTS[0], pain=Pain()), replace(HOSTS[1], pain=replace(CALM, **pain))]
    for scope in ("all", "az:z"):
        policy = Policy(capacity=CapacityTerms(limits={"az:z": {"guest_steal_max_ratio": 0.1}}))
        found = judged(report(settle("f", sore, CROWD)), rule, policy, scope)
        assert says in found.summary
        assert "(b)" in str(found.evidence), "the worst node is named"
    other = MEMORY_RULE if rule == VCPU_RULE else VCPU_RULE
    assert judged(report(settle("f", sore, CROWD)), other) is None
    assert judged(report(settle("f", sore, GUESTS)), rule) is None, "nothing is promised beyond what there is"
    calm = [replace(each, pain=CALM) for each in HOSTS]
    assert judged(report(settle("f", calm, CROWD)), rule) is None


def test_pressure_that_quotas_make_is_no_overcommit_where_steal_says_that_nobody_waits() -> None:
    sore = [HOSTS[0], replace(HOSTS[1], pain=replace(CALM, cpu_stall=1.0))]
    assert judged(report(settle("f", sore, CROWD)), VCPU_RULE) is None


def test_an_open_incident_of_pain_is_judged_by_the_relaxed_limit_of_its_aggregate() -> None:
    terms = CapacityTerms(limits={"aggregate:ssd": {"memory_stall_max_ratio": 0.2}})
    policy = Policy(capacity=terms)
    sore = [replace(HOSTS[0], pain=replace(CALM, stall=0.17)), HOSTS[1]]
    made = report(settle("f", sore, CROWD))
    assert judged(made, MEMORY_RULE, policy, "aggregate:ssd") is None
    assert isinstance(judged(made, MEMORY_RULE, policy, "aggregate:ssd", relaxed=True), Finding)
    assert isinstance(judged(made, MEMORY_RULE, policy), Finding), "the fleet's own limit is lower"


def test_time_quota_drift_noise_and_over_capacity() -> None:
    soon = {"all": {"MEMORY_MB": {"full": 30.0, "early": 20.0, "late": 50.0, "refused": ""}}}
    assert "full of MEMORY_MB in 30 days" in judged(made(forecasts=soon), "full_before_lead_time").summary
    later = {"all": {"MEMORY_MB": {"full": 46.0, "early": 20.0, "late": 50.0, "refused": ""}}}
    assert judged(made(forecasts=later), "full_before_lead_time") is None
    assert judged(made(forecasts=later), "full_before_lead_time", relaxed=True) is not None
    promise = {"cores": {"limit": 40, "used": 1, "capacity": 16, "ratio": 2.5}}
    assert "2.5 times its cores" in judged(made(promises=promise), "quota_promise").summary
    drift = judged(made(drifts={"leaked": 2}, drifting=("leaked: x",)), "capacity_drift")
    assert "2 leaked" in drift.summary
    loud = Neighbours("web waits", "cpu", 0.2, True, ("all",))
    assert judged(made(noises=(loud,)), "noisy_neighbour").summary == "f: web waits"
    over = report(settle("f", HOSTS, [Guest("g", "a", ask(9, 1))]))
    assert "a hold more than their capacity (VCPU)" in judged(over, "over_capacity").summary


def test_noise_is_judged_by_the_limit_of_the_aggregate_and_told_once() -> None:
    disk = Neighbours("web waits", "disk", 0.06, True, ("all", "az:z", "aggregate:ssd"))
    quiet = replace(made(), noises=(disk, replace(disk, text="db waits", waits=0.045, told=False)))
    strict, lax = (
        Policy(capacity=CapacityTerms(limits={"aggregate:ssd": {"guest_disk_latency_max_seconds": limit}}))
        for limit in (0.04, 0.2)
    )
    found = judged(quiet, "noisy_neighbour", strict, "aggregate:ssd")
    assert list(found.evidence.values()) == ["web waits", "db waits"]
    assert judged(quiet, "noisy_neighbour", strict) is None, "the aggregate's incident is enough"
    assert judged(quiet, "noisy_neighbour", lax, "aggregate:ssd") is None
    assert judged(quiet, "noisy_neighbour", lax) is None
    assert list(judged(quiet, "noisy_neighbour").evidence.values()) == ["web waits"]
    still = judged(quiet, "noisy_neighbour", relaxed=True)
    assert list(still.evidence.values()) == ["web waits", "db waits"], "0.045 is above 0.8 of 0.05"


def test_drift_and_over_capacity_let_as_many_pass_as_their_aggregate_says() -> None:
    hosts = [*HOSTS, host("c", 8, 16384, zone="z", aggregates=("ssd",))]
    crowded = settle("f", hosts, [Guest("g", "a", ask(9, 1)), Guest("h", "c", ask(9, 1))])
    strays = [Allocation(f"x{n}", where, (("VCPU", 1),)) for n, where in enumerate("aab")]
    ill = report(replace(crowded, allocations=(*crowded.allocations, *strays)))
    names = ("over_capacity", "capacity_drift")
    for limits, fires in (
        ({"hosts_over_max": 2, "drift_max": 2}, False),
        ({"hosts_over_max": 1, "drift_max": 1}, True),
    ):
        policy = Policy(capacity=CapacityTerms(limits={"aggregate:ssd": limits}))
        for name in names:
            found = judged(ill, name, policy, "aggregate:ssd")
            assert isinstance(found, Finding) is fires, name
    drift = judged(ill, "capacity_drift", policy, "aggregate:ssd")
    assert "(2 leaked)" in drift.summary, "the third is on a host of no aggregate"
    assert "(3 leaked)" in judged(ill, "capacity_drift").summary


BOTH = ("zabbix", "capacity:f", "capacity:one/two")


def seen(now: float, state: Mapping[Key, Incident], *told: Report, blind: str = "") -> dict[Key, Incident]:
    facts = Facts(
        others=told, sources=BOTH, blind=(blind,) if blind else (), why_blind=("late",) if blind else ()
    )
    return dict(decide(state, facts, PLAIN, now).state)


def test_one_blind_cloud_holds_its_own_incidents_and_the_other_goes_on() -> None:
    leaks = {"drifts": {"leaked": 2}, "drifting": ("leaked: x",)}
    ill, well = made(**leaks), made()
    other = [replace(each, fleet="one/two") for each in (ill, well)]
    mine, theirs = (Key("capacity_drift", f"capacity:{name}/all") for name in ("f", "one/two"))
    state = seen(1000, seen(0, {}, ill, other[0]), ill, other[0])
    assert (state[mine].phase, state[theirs].phase) == (Phase.OPEN, Phase.OPEN)
    state = seen(1010, state, other[1], blind="capacity:f")
    state = seen(1400, state, other[1], blind="capacity:f")
    assert theirs not in state
    assert state[mine].held == "Capacity:f cannot be read"


def test_a_subject_names_the_source_that_it_comes_from() -> None:
    assert source_of("capacity:one/two/aggregate:a/b") == "capacity:one/two"
    assert source_of("capacity:cloud/all") == "capacity:cloud"
    assert source_of("capacity:agents/all") == OF_AGENTS


def test_numa_nodes_of_which_nobody_tells_are_unknown_and_no_incident() -> None:
    bound = (Flavor("big", ask(1, 1, cells=1)),)
    terms = Policy(Thresholds(flavor_fits_min=1), capacity=WATCHED)
    found = judged(report(replace(settle("f", HOSTS, GUESTS), flavors=bound)), "flavor_does_not_fit", terms)
    assert isinstance(found, Unknown)
    moved = settle("f", HOSTS, [Guest("g", "a", ask(1, 1, cells=1))])
    assert isinstance(judged(report(moved), "failover_deficit"), Unknown)
