"""What Zabbix reports on a known host becomes one incident a trigger, unless a rule is about the trigger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from argus.catalogue import SUBSYSTEMS, libvirt
from argus.catalogue.model import Severity
from argus.correlator.covered import COVERED
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues, Placement, Problem
from argus.correlator.incidents import Change, Incident, decide
from argus.correlator.reported import OWN, StillThere, subject_of, trigger_of
from argus.correlator.rulebook import BOOK
from argus.correlator.rules.problems import zabbix_reports_a_problem
from argus.correlator.service import Part, Service, Services, State
from argus.correlator.thresholds import Policy, ProblemTerms
from argus.render.alerting import triggers_page

NAME = zabbix_reports_a_problem.name
UUID = "5b1f6a0e-3c1c-4a53-9c0e-1f9ce2f5a001"
IDENTS = {trigger.ident: trigger for subsystem in SUBSYSTEMS for trigger in subsystem.triggers}


def problem(host: str = "cmp1", severity: int = 4, **more: Any) -> Problem:
    made = Problem(
        "9001", host, "Link lost on bond0", severity, 1000.0, {}, False, False, "", trigger_id="77"
    )
    return replace(made, **more)


@dataclass
class World:
    policy: Policy = field(default_factory=Policy)
    now: float = 1000.0
    node_at: float | None = None
    state: dict[Key, Incident] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    placements: tuple[Placement, ...] = ()
    others: tuple[object, ...] = ()
    shown: bool = True

    def after(self, seconds: float, *problems: Problem) -> list[tuple[str, str, Change]]:
        self.now += seconds
        standing = tuple(key.subject for key in self.state if key.rule == NAME)
        facts = Facts(
            problems=problems,
            nodes=(
                NodeValues("cmp1", {libvirt.UP.field: 1.0}, self.node_at or self.now, within=("rack:r1",)),
            ),
            placements=self.placements,
            others=(*self.others, *([StillThere(standing)] if self.shown else [])),
        )
        decision = decide(self.state, facts, self.policy, self.now)
        self.state = dict(decision.state)
        assert decide(self.state, facts, self.policy, self.now).effects == ()
        return [(e.incident.key.rule, e.incident.key.subject, e.change) for e in decision.effects]

    def opened(self, *problems: Problem) -> list[Incident]:
        self.after(1, *problems)
        self.after(15, *problems)
        return [each for each in self.state.values() if each.key.rule == NAME and each.told_at is not None]


def test_a_problem_on_a_node_opens_with_the_topology_and_ends_with_it() -> None:
    world = World()
    (found,) = world.opened(problem())
    assert (found.place, found.within, found.severity) == ("cmp1", ("rack:r1",), Severity.HIGH)
    assert found.events == ("9001",)
    assert found.summary == "cmp1: Link lost on bond0"
    assert world.after(15) == []
    assert [change for _, _, change in world.after(30)] == [Change.RESOLVED]


def test_one_whose_trigger_zabbix_shows_no_longer_is_held_and_not_over() -> None:
    world = World()
    world.opened(problem())
    world.shown = False
    assert [change for _, _, change in world.after(60)] == [Change.HELD]


def test_two_triggers_of_one_host_are_two_incidents() -> None:
    assert len(World().opened(problem(), problem(eventid="9002", trigger_id="78"))) == 2


def test_two_events_of_one_trigger_are_one_incident_with_the_worst_severity() -> None:
    terms = Policy(problems=ProblemTerms(severity=3))
    (found,) = World(terms).opened(problem(severity=3), problem(eventid="9002", severity=5, clock=1010.0))
    assert found.events == ("9001", "9002")
    assert found.severity is Severity.HIGH
    assert found.evidence["severity in Zabbix"] == "disaster"


def test_of_a_silent_node_it_is_a_symptom() -> None:
    world = World(node_at=900.0)
    world.after(1, problem())
    world.after(60, problem())
    mine = world.state[Key(NAME, "problem:77/cmp1")]
    assert mine.cause == Key("node_does_not_report", "cmp1")
    assert mine.told_at is None


def test_a_guests_problem_names_the_guest_and_the_node_that_it_was_on_when_it_began() -> None:
    stays = (Placement(UUID, "cmp0", "web", "shop", 0, 990), Placement(UUID, "cmp1", "web", "shop", 990))
    (found,) = World(placements=stays).opened(problem(UUID))
    assert (found.label, found.place, found.within) == ("web", "cmp1", ("rack:r1",))
    assert found.summary == "web on cmp1: Link lost on bond0"
    assert found.evidence["project"] == "shop"


def test_a_services_problem_is_a_symptom_of_the_service() -> None:
    down = Service("c/r/nova", "nova", State.DOWN, "no answer", 900.0)
    world = World(others=(Services((down,), ()),))
    tags = {"cloud": "c", "region": "r", "service": "nova"}
    world.after(1, problem("Argus service c r nova", tags=tags))
    world.after(60, problem("Argus service c r nova", tags=tags))
    mine = next(each for each in world.state.values() if each.key.rule == NAME)
    assert mine.cause == Key("service_is_down", "c/r/nova")


@pytest.mark.parametrize(
    ("host", "also", "known"),
    [
        ("CMP1.site.example", (), "cmp1"),
        ("ctl3.site.example", (), "ctl3"),
        ("a-switch", ("cmp1",), "cmp1"),
        ("db-of-accounting", (), None),
    ],
)
def test_a_foreign_host_counts_where_inventory_knows_its_name(
    host: str, also: tuple[str, ...], known: str | None
) -> None:
    part = Part("c/r/nova/api/ctl3", "c/r/nova", "api", "ctl3", State.UP, "", 0.0)
    world = World(others=(Services((), (part,)),))
    found = world.opened(problem(host, foreign=True, also_on=also))
    assert [each.key.subject.rpartition("/")[2] for each in found] == ([known] if known else [])
    assert [each.place for each in found] == ([known if known == "cmp1" else ""] if known else [])


def test_a_host_of_ours_counts_whatever_its_name() -> None:
    assert len(World().opened(problem("Argus correlator"))) == 1


@pytest.mark.parametrize(("name", "pages"), [("Load is {} on {}", 1), ("Fault {}", 6)])
def test_the_same_fault_on_many_hosts_is_one_page_and_different_ones_are_not(name: str, pages: int) -> None:
    world, words = World(), ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
    many = [
        problem(
            word,
            name=name.format(f"9{n}.5" if pages == 1 else word[::-1], word),
            eventid=str(n),
            trigger_id=str(n),
        )
        for n, word in enumerate(words)
    ]
    world.opened(*many)
    assert sum(each.told_at is not None for each in world.state.values()) == pages


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (ProblemTerms(), True),
        (ProblemTerms(severity=5), False),
        (ProblemTerms(severity=None), False),
        (ProblemTerms(tags=(("team", "cloud"),)), True),
        (ProblemTerms(tags=(("team", "dba"),)), True),
        (ProblemTerms(tags=(("team", None),)), True),
        (ProblemTerms(tags=(("team", "net"), ("owner", None))), False),
        (ProblemTerms(without=(("team", "dba"),)), False),
        (ProblemTerms(tags=(("team", None),), without=(("env", None),)), False),
        (ProblemTerms(without=(("env", "production"),)), True),
    ],
)
def test_severity_and_tags_choose_and_exclusion_wins(terms: ProblemTerms, told: bool) -> None:
    tagged = problem(tags={"team": "cloud", "env": "lab"}, more_tags=(("team", "dba"),))
    assert bool(World(Policy(problems=terms)).opened(tagged)) is told


@pytest.mark.parametrize("ident", sorted(IDENTS))
def test_a_trigger_of_the_catalogue_is_told_by_its_own_rule_or_by_the_general_one(ident: str) -> None:
    world = World()
    found = world.opened(problem(trigger_ident=ident))
    assert bool(found) is (ident not in COVERED)
    assert ident not in OWN or world.state, "a trigger with a rule here is an incident by that"
    row = next(line for line in triggers_page(SUBSYSTEMS).splitlines() if line.startswith(f"| `{ident}`"))
    assert ("| yes" in row) is (ident in COVERED or IDENTS[ident].severity is Severity.HIGH)


def test_what_covers_a_trigger_exists() -> None:
    assert set(COVERED) <= set(IDENTS)
    assert {name for names in COVERED.values() for name in names} <= set(BOOK.rules)


def test_the_trigger_is_found_again_in_a_subject_of_any_length() -> None:
    assert trigger_of(subject_of(problem("x" * 300), "x" * 300)) == "77"


@pytest.mark.parametrize(
    ("ident", "rule", "says"),
    [
        ("guest_hung", "qemu_does_not_answer", "web on cmp1: QEMU of the guest does not answer"),
        ("guest_runs_twice", "guest_runs_on_two_nodes", "web runs on cmp0 and cmp1 at once"),
    ],
)
def test_a_guest_in_special_trouble_has_an_incident_that_names_it_and_its_nodes(
    ident: str, rule: str, says: str
) -> None:
    stays = (Placement(UUID, "cmp0", "web", "shop", 0, 990), Placement(UUID, "cmp1", "web", "shop", 990))
    world = World(Policy(problems=ProblemTerms(severity=None)), placements=stays)
    mine = problem(UUID, trigger_ident=ident, name="QEMU of the guest does not answer")
    assert world.opened(mine) == []
    (found,) = world.state.values()
    assert (found.key.rule, found.summary, found.place) == (rule, says, "cmp1")
    assert found.told_at is not None


def test_where_nobody_knows_both_nodes_zabbix_words_name_them() -> None:
    world = World()
    world.opened(problem(UUID, trigger_ident="guest_runs_twice", name="Two nodes: cmp7 and cmp8"))
    (found,) = world.state.values()
    assert found.summary == f"{UUID}: Two nodes: cmp7 and cmp8"


def test_two_agents_of_one_name_are_an_incident_of_the_node() -> None:
    world = World()
    world.opened(problem(trigger_ident="agents_share_a_name"))
    (found,) = world.state.values()
    assert (found.key.rule, found.place) == ("two_agents_of_one_name", "cmp1")
