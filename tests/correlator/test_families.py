"""A family of rules brings its own subjects, source and causes; the engine needs to know nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from argus.catalogue import libvirt
from argus.catalogue.model import Severity
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.incidents import Change, Incident, Phase, decide
from argus.correlator.rule import Family, Finding, Layer, Outcome, Unknown, rule
from argus.correlator.rulebook import Rulebook
from argus.correlator.thresholds import Policy, Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Cloud:
    """What a made-up cloud's API tells: services by name, with their state (``None``: not known)."""

    region: str
    services: tuple[tuple[str, bool | None], ...]


@dataclass(frozen=True)
class Service:
    name: str
    up: bool | None


def draw(facts: Facts, _policy: Policy, _now: float) -> Iterator[tuple[str, Service]]:
    for cloud in facts.told(Cloud):
        for name, up in cloud.services:
            yield f"{cloud.region}/{name}", Service(name, up)


@rule(severity=Severity.AVERAGE, layer=Layer.SERVICE, hold=0, keep=10, explains=("api_fails",))
def bus_is_down(service: Service, _limit: Thresholds) -> Outcome:
    """The bus is down.

    What to do:
    1. Mend it.
    """
    return Finding("no bus") if service.name == "rabbitmq" and service.up is False else None


@rule(severity=Severity.AVERAGE, layer=Layer.SERVICE, hold=0, keep=10, symptom_of=("node_does_not_report",))
def api_fails(service: Service, _limit: Thresholds) -> Outcome:
    """The API fails.

    What to do:
    1. Mend it.
    """
    if service.name != "nova" or service.up:
        return None
    if service.up is None:
        return Unknown("nova was not asked")
    return Finding("nova fails", within=("one/rabbitmq",), place="ctl1", severity=Severity.HIGH)


FAMILY = Family("service", ("openstack",), draw, (bus_is_down, api_fails))
BOOK = Rulebook.of(FAMILY)
NOVA, BUS = Key("api_fails", "one/nova"), Key("bus_is_down", "one/rabbitmq")


@dataclass
class World:
    now: float = 1000.0
    state: dict[Key, Incident] = field(default_factory=dict)
    node_at: float | None = None

    def after(self, seconds: float, *told: Cloud, blind: str = "") -> list[tuple[str, Change]]:
        self.now += seconds
        facts = Facts(
            nodes=(NodeValues("ctl1", {libvirt.UP.field: 1.0}, self.node_at or self.now),),
            others=told,
            sources=("zabbix", "openstack:one", "openstack:two"),
            blind=(blind,) if blind else (),
            why_blind=("refused",) if blind else (),
        )
        decision = decide(self.state, facts, Policy(forget_after=100), self.now, BOOK)
        self.state = dict(decision.state)
        again = decide(self.state, facts, Policy(forget_after=100), self.now, BOOK)
        assert again.effects == (), "a replay did something"
        return [(effect.incident.key.rule, effect.change) for effect in decision.effects]


def cloud(**services: bool | None) -> Cloud:
    return Cloud("one", tuple(services.items()))


def test_a_subject_of_a_new_kind_opens_and_resolves_like_any_other() -> None:
    world = World()
    assert world.after(5, cloud(nova=False)) == [("api_fails", Change.OPENED)]
    assert world.state[NOVA].severity is Severity.HIGH
    world.after(5, cloud(nova=True))
    assert world.after(10, cloud(nova=True)) == [("api_fails", Change.RESOLVED)]


def test_an_open_incident_becomes_more_severe_and_never_less() -> None:
    world = World()
    world.after(5, cloud(nova=False))
    mild = replace(world.state[NOVA], severity=Severity.WARNING)
    world.state[NOVA] = mild
    assert world.after(5, cloud(nova=False)) == [("api_fails", Change.RAISED)]
    assert world.after(5, cloud(nova=False)) == []
    assert world.state[NOVA].severity is Severity.HIGH


def test_a_rule_that_cannot_say_holds_what_is_open() -> None:
    world = World()
    world.after(5, cloud(nova=False))
    assert world.after(5, cloud(nova=None)) == [("api_fails", Change.HELD)]
    assert world.state[NOVA].held == "nova was not asked"


def test_a_source_that_cannot_be_read_holds_its_own_incidents_and_no_others() -> None:
    world = World()
    world.after(5, cloud(nova=False))
    world.node_at = 1.0
    changes = world.after(40, blind="openstack:one")
    assert ("api_fails", Change.HELD) in changes
    assert ("node_does_not_report", Change.FOUND) in changes
    assert world.state[NOVA].held == "Openstack:one cannot be read"
    world.after(100_000, blind="openstack:one")
    assert world.state[NOVA].phase is Phase.OPEN


def test_one_that_left_its_source_is_forgotten_after_a_while() -> None:
    world = World()
    world.after(5, cloud(nova=False, glance=True))
    assert world.after(5, cloud(glance=True)) == [("api_fails", Change.HELD)]
    assert world.after(101, cloud(glance=True)) == [("api_fails", Change.RESOLVED)]


def test_what_a_subject_lives_by_explains_it() -> None:
    world = World()
    world.after(5, cloud(nova=False, rabbitmq=False))
    assert world.state[NOVA].cause == BUS
    assert world.state[NOVA].told_at is None
    assert world.state[BUS].told_at is not None


def test_a_node_explains_the_service_on_it() -> None:
    world = World(node_at=1.0)
    world.after(5, cloud(nova=False))
    assert world.state[NOVA].cause == Key("node_does_not_report", "ctl1")


def test_edges_to_nowhere_and_in_a_circle_do_not_build() -> None:
    lost = replace(api_fails, symptom_of=("no_such_rule",))
    with pytest.raises(ValueError, match="symptom of no_such_rule"):
        Rulebook.of(replace(FAMILY, rules=(bus_is_down, lost)))
    circle = replace(bus_is_down, symptom_of=("api_fails",))
    with pytest.raises(ValueError, match="circle: bus_is_down"):
        Rulebook.of(replace(FAMILY, rules=(circle, api_fails)))
    with pytest.raises(ValueError, match="same name"):
        Rulebook.of(FAMILY, FAMILY)
