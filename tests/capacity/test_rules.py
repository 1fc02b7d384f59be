"""What fires, what must not, and whose limits count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fleets import ask, host, settle

from argus.catalogue.model import Severity
from argus.correlator.capacity.model import Flavor, Guest, Pain
from argus.correlator.capacity.report import Report, report
from argus.correlator.facts import Facts
from argus.correlator.rule import Finding, Unknown
from argus.correlator.rules.fleet import FAMILY, draw
from argus.correlator.thresholds import GIB, CapacityTerms, Policy, Thresholds

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


def test_promises_hurt_only_when_something_hurts() -> None:
    sore = Pain(steal=0.4, swap=3 * GIB)
    crowd = [Guest(f"g{n}", "a", ask(6, 12000)) for n in range(4)]
    for pain, rules in ((sore, True), (Pain(steal=0.0, swap=0.0), False)):
        hosts = [replace(each, pain=pain) for each in HOSTS]
        full = report(settle("f", hosts, crowd))
        for name in ("memory_overcommit_hurts", "vcpu_overcommit_hurts"):
            assert isinstance(judged(full, name), Finding) is rules, name
        lazy = report(settle("f", hosts, GUESTS))
        assert judged(lazy, "memory_overcommit_hurts") is None


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
    assert judged(made(noises=("web waits",)), "noisy_neighbour").summary == "f: web waits"
    over = report(settle("f", HOSTS, [Guest("g", "a", ask(9, 1))]))
    assert "a hold more than their capacity (VCPU)" in judged(over, "over_capacity").summary
