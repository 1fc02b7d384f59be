"""Of many faces of one failure of the cloud's services, one is told, and it is the cause."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from argus.catalogue import allocation, libvirt
from argus.catalogue.model import Severity
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.incidents import Change, Incident, decide
from argus.correlator.service import Part, Service, Services, State
from argus.correlator.thresholds import Policy

QUEUE, KEYSTONE, NOVA, CINDER = "c/r/rabbitmq", "c/r/keystone", "c/r/nova", "c/r/cinder"
USER = "c/r/user-check"
ON = (QUEUE, KEYSTONE)


def service(name: str, state: State = State.UP, **more: object) -> Service:
    kind = name.rpartition("/")[2]
    made = Service(name, kind, state, "503", 1000.0, base=kind == "rabbitmq", stands_on=ON)
    return Service(**{**{f: getattr(made, f) for f in made.__slots__}, **more})


def compute(host: str, state: State) -> Part:
    name = f"{NOVA}/nova-compute@{host}"
    return Part(name, NOVA, "nova-compute", host, state, "does not report", 1000.0, (NOVA, *ON))


@dataclass
class World:
    now: float = 1000.0
    state: dict[Key, Incident] = field(default_factory=dict)

    def after(
        self, seconds: float, *services: Service, parts: tuple[Part, ...] = (), node: float | None = None
    ) -> list[tuple[str, str, Change]]:
        """Advance, with all services up but those given; return what people are told."""
        told: list[tuple[str, str, Change]] = []
        given = {each.name: each for each in services}
        every = tuple(given.get(name) or service(name) for name in (QUEUE, KEYSTONE, NOVA, CINDER))
        every += tuple(each for each in services if each.name == USER)
        for _ in range(int(seconds // 5)):
            self.now += 5
            nodes: tuple[NodeValues, ...] = ()
            if node is not None:
                values = {allocation.GUESTS.field: 3.0, libvirt.UP.field: 1.0}
                nodes = (NodeValues("cmp1", values, self.now - node),)
            facts = Facts(nodes=nodes, others=(Services(every, parts),), sources=("zabbix", "services"))
            decision = decide(self.state, facts, Policy(), self.now)
            self.state = dict(decision.state)
            told += [
                (effect.incident.key.rule, effect.incident.key.subject, effect.change)
                for effect in decision.effects
                if effect.incident.told_at is not None
                and effect.change in {Change.OPENED, Change.PROMOTED, Change.RESOLVED}
            ]
        return told


def everything_down() -> tuple[Part, ...]:
    return tuple(compute(f"cmp{n}", State.DOWN) for n in range(1, 8))


def test_without_the_queue_computes_and_apis_are_symptoms_of_it() -> None:
    world = World()
    assert world.after(60) == []
    broken = (service(QUEUE, State.DOWN), service(NOVA, State.DOWN), service(CINDER, State.DOWN))
    assert world.after(60, *broken[:1]) == [("infrastructure_is_down", QUEUE, Change.OPENED)]
    assert world.after(120, *broken, parts=everything_down()) == []
    healthy = tuple(compute(part.host, State.UP) for part in everything_down())
    assert world.after(120, parts=healthy) == [("infrastructure_is_down", QUEUE, Change.RESOLVED)]
    assert world.state == {}


def test_one_silent_compute_is_one_incident_of_that_compute() -> None:
    world, parts = World(), (compute("cmp1", State.DOWN), compute("cmp2", State.UP))
    told = world.after(60, service(NOVA, State.DEGRADED), parts=parts)
    assert told == [("part_is_down", f"{NOVA}/nova-compute@cmp1", Change.OPENED)]
    told = world.after(60, parts=(compute("cmp1", State.UP), compute("cmp2", State.UP)))
    assert told == [("part_is_down", f"{NOVA}/nova-compute@cmp1", Change.RESOLVED)]


def test_a_dead_compute_on_a_live_node_is_no_dead_node() -> None:
    world = World()
    world.after(60, parts=(compute("cmp1", State.DOWN),), node=5.0)
    (incident,) = world.state.values()
    assert "the host is up, 3 guests run on" in incident.summary


def test_a_compute_of_a_node_that_is_gone_is_a_symptom_of_the_node() -> None:
    world = World()
    told = world.after(90, parts=(compute("cmp1", State.DOWN),), node=300.0)
    assert told == [("node_does_not_report", "cmp1", Change.OPENED)]


def test_many_computes_at_once_without_a_cause_are_one_incident() -> None:
    told = World().after(60, service(NOVA, State.DEGRADED), parts=everything_down())
    assert told == [("same_fault_on_many", "part_is_down", Change.OPENED)]


def test_a_service_without_any_worker_speaks_for_its_parts() -> None:
    told = World().after(60, service(CINDER, State.DOWN), parts=())
    assert told == [("service_is_down", CINDER, Change.OPENED)]


def test_the_last_worker_of_a_service_is_not_told_beside_it_although_it_fell_silent_before() -> None:
    world = World()
    world.after(300)  # of a cloud whose service_down_time is as long
    volume = Part(
        f"{CINDER}/cinder-volume@b", CINDER, "cinder-volume", "b", State.DOWN, "", 1000.0, (CINDER,)
    )
    told = world.after(60, service(CINDER, State.DOWN, since=world.now + 5), parts=(volume,))
    assert told == [("service_is_down", CINDER, Change.OPENED)]


def test_without_keystone_nothing_is_said_of_others_and_nothing_resolves() -> None:
    world = World()
    assert world.after(60, service(NOVA, State.DOWN)) == [("service_is_down", NOVA, Change.OPENED)]
    unknown = (service(NOVA, State.UNKNOWN), service(CINDER, State.UNKNOWN))
    told = world.after(400, service(KEYSTONE, State.DOWN), *unknown)
    assert told == [("identity_is_down", KEYSTONE, Change.OPENED)]
    assert Key("service_is_down", NOVA) in world.state


def test_not_permitted_is_no_outage_and_is_said_after_a_while() -> None:
    world, denied = World(), service(CINDER, State.DENIED)
    assert world.after(200, denied) == []
    assert world.after(200, denied) == [("service_cannot_be_judged", CINDER, Change.OPENED)]


def test_disabled_on_purpose_is_told_to_nobody() -> None:
    assert World().after(400, parts=(compute("cmp1", State.DISABLED),)) == []


@pytest.mark.parametrize(
    ("burn", "spent", "told"),
    [(10.0, 0.5, True), (10.0, 0.1, False), (2.0, 0.9, False), (None, None, False)],
)
def test_a_budget_is_told_when_it_goes_too_fast_and_some_is_gone(
    burn: float | None, spent: float | None, told: bool
) -> None:
    found = World().after(10, service(NOVA, burn=burn, spent=spent))
    assert bool(found) is told


def test_a_user_without_a_server_is_told_unless_a_service_it_uses_is_down() -> None:
    def user(state: State) -> Service:
        return service(USER, state, kind="user-check", stands_on=(NOVA, KEYSTONE))

    world = World()
    assert world.after(120, service(NOVA, State.DOWN), user(State.DOWN)) == [
        ("service_is_down", NOVA, Change.OPENED)
    ]
    world = World()
    assert world.after(120, user(State.DOWN)) == [("user_check_fails", USER, Change.OPENED)]
    assert world.after(30, user(State.UP)) == [("user_check_fails", USER, Change.RESOLVED)]


def test_an_open_incident_becomes_more_severe_and_never_less() -> None:
    world = World()
    world.after(400, service(CINDER, State.DENIED))
    key = Key("service_cannot_be_judged", CINDER)
    assert world.state[key].severity is Severity.INFO
    world.after(30, service(CINDER, State.UNKNOWN))
    assert world.state[key].severity is Severity.WARNING
    world.after(30, service(CINDER, State.DENIED))
    assert world.state[key].severity is Severity.WARNING
