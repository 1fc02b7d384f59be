"""One incident speaks for many that failed together, for nobody else, and says so when there are more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from argus.catalogue import allocation
from argus.catalogue.model import Severity
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.gathering import Fleet, free_scope, largest_burst, rule_of, scope_of, shared
from argus.correlator.incidents import Change, Decision, Incident, Phase, decide
from argus.correlator.regions import regions
from argus.correlator.rule import Finding, Member, Scope
from argus.correlator.rulebook import BOOK
from argus.correlator.rules.scope import same_fault_on_many
from argus.correlator.service import Part, Services, State
from argus.correlator.thresholds import Policy, Thresholds
from tests.correlator.test_causes import DOWN, MANY, Cloud, storm
from tests.correlator.test_cloud_rules import NOVA, World

if TYPE_CHECKING:
    from collections.abc import Callable

SILENT = Key("same_fault_on_many", "node_does_not_report")
DAY = 86400.0


def silence(cloud: Cloud, *nodes: str) -> None:
    cloud.silent |= set(nodes)


@pytest.mark.slow
def test_a_node_that_dies_days_after_five_others_is_a_page_of_its_own() -> None:
    cloud = storm(100, 0)
    silence(cloud, *(f"n{number:03}" for number in range(5)))
    cloud.run(600)
    cloud.run(2 * DAY, step=600)
    assert cloud.told == [SILENT]
    silence(cloud, "n050")
    cloud.run(300)
    assert cloud.told == [SILENT, ("node_does_not_report", "n050")]


def test_what_begins_within_ten_minutes_joins_and_what_begins_later_does_not() -> None:
    cloud = storm(60, 0)
    silence(cloud, *(f"n{number:03}" for number in range(6)))
    cloud.run(300)
    silence(cloud, "n010")
    cloud.run(310)
    joined = cloud.state[Key("node_does_not_report", "n010")]
    assert joined.cause == SILENT
    silence(cloud, "n011")
    cloud.run(400)
    assert cloud.told == [SILENT, ("node_does_not_report", "n011")]


@pytest.mark.slow
def test_five_more_on_another_day_are_a_second_incident_of_their_own() -> None:
    cloud = storm(60, 0)
    silence(cloud, *(f"n{number:03}" for number in range(5)))
    cloud.run(600)
    cloud.run(DAY, step=600)
    silence(cloud, *(f"n{number:03}" for number in range(10, 16)))
    cloud.run(600)
    second = scope_of("node_does_not_report", 2)
    assert cloud.told == [SILENT, second]
    assert cloud.state[second].summary == "6 at once: the node does not report"
    assert cloud.state[SILENT].summary == "5 at once: the node does not report"
    cloud.silent -= {f"n{number:03}" for number in range(5)}
    cloud.run(300)
    assert cloud.ended == [SILENT]


def grown(decision: Decision) -> list[str]:
    return [effect.reason for effect in decision.effects if effect.change is Change.GREW]


def test_a_group_that_grows_is_news_once_it_stands() -> None:
    cloud = storm(60, 0)
    silence(cloud, *(f"n{number:03}" for number in range(5)))
    cloud.run(300)
    news: list[str] = []
    silence(cloud, "n010", "n011")
    for _ in range(40):
        cloud.cycle(5)
        news += grown(cloud.last)
    assert news == ["it speaks for 7, no longer for 5: 7 at once: the node does not report"]


def test_a_group_that_doubles_is_news_at_once() -> None:
    cloud = storm(60, 0)
    silence(cloud, *(f"n{number:03}" for number in range(5)))
    cloud.run(300)
    silence(cloud, *(f"n{number:03}" for number in range(10, 30)))
    cloud.run(90)
    assert grown(cloud.last) == []
    cloud.cycle(5)
    assert grown(cloud.last) == ["it speaks for 25, no longer for 5: 25 at once: the node does not report"]


def test_an_incident_from_before_sizes_were_known_is_not_said_to_grow() -> None:
    cloud = storm(10, 0)
    silence(cloud, *cloud.heard)
    cloud.run(300)
    cloud.state[SILENT] = replace(cloud.state[SILENT], size=None)
    cloud.cycle(5)
    assert grown(cloud.last) == []
    assert cloud.state[SILENT].size == 10


def test_five_of_a_thousand_are_five_and_ten_are_one() -> None:
    scope = Scope("The node does not report", tuple(member(n) for n in range(9)), fleet=1000)
    assert same_fault_on_many.check(scope, Thresholds()) is None
    more = replace(scope, members=tuple(member(n) for n in range(10)))
    found = same_fault_on_many.check(more, Thresholds())
    assert found is not None
    assert same_fault_on_many.check(scope, Thresholds().relaxed()) is not None


def member(number: int, severity: Severity = Severity.WARNING) -> Member:
    return Member(f"n{number}", float(number), severity)


def test_a_group_is_as_severe_as_the_worst_of_it() -> None:
    members = tuple(member(number) for number in range(5))
    mild = same_fault_on_many.check(Scope("Full", members), Thresholds())
    worse = same_fault_on_many.check(Scope("Full", (*members, member(9, Severity.HIGH))), Thresholds())
    assert isinstance(mild, Finding)
    assert isinstance(worse, Finding)
    assert (mild.severity, worse.severity) == (Severity.WARNING, Severity.HIGH)


def part(service: str, kind: str, host: str, state: State = State.DOWN) -> Part:
    return Part(f"{service}/{kind}@{host}", service, kind, host, state, "", 0.0)


def test_computes_of_one_region_do_not_speak_for_a_database_of_another() -> None:
    world = World()
    down = tuple(part(NOVA, "nova-compute", f"c{n}") for n in range(6))
    members = tuple(part("c/other/database", "galera member", f"db{n}") for n in range(2))
    told = world.after(90, parts=(*down, *members))
    subjects = sorted(subject for _, subject, _ in told)
    assert subjects == [
        "c/other/database/galera member@db0",
        "c/other/database/galera member@db1",
        "part_is_down",
    ]


def test_the_same_fault_in_two_regions_is_two_incidents() -> None:
    world = World()
    parts = tuple(
        part(f"c/{region}/nova", "nova-compute", f"{region}{n}") for region in "ab" for n in range(6)
    )
    told = world.after(90, parts=parts)
    assert sorted(subject for _, subject, _ in told) == ["part_is_down", "part_is_down#2"]
    assert {each.group for key, each in world.state.items() if key.rule == "same_fault_on_many"} == {
        "c/a nova-compute",
        "c/b nova-compute",
    }


def test_nodes_are_told_apart_by_region_where_there_are_several() -> None:
    one = Services((), (part("c/a/nova", "nova-compute", "n1"),))
    assert regions(Facts(others=(one,))) == {}
    two = Services((), (*one.parts, part("c/b/nova", "nova-compute", "n2")))
    assert regions(Facts(others=(two,))) == {"n1": "c/a", "n2": "c/b"}
    tagged = NodeValues("n3", {}, 1.0, within=("rack:r1", "region:west"))
    assert regions(Facts(nodes=(tagged,), others=(one,))) == {"n1": "c/a", "n3": "west"}


def test_the_fleet_counts_nodes_guests_and_parts_by_group() -> None:
    services = Services((), tuple(part(f"c/{r}/nova", "nova-compute", f"n{r}", State.UP) for r in "ab"))
    nodes = tuple(NodeValues(f"n{r}", {allocation.GUESTS.field: 7.0}, 1.0) for r in "ab")
    fleet = Fleet(Facts(nodes=nodes, others=(services,)), Policy(), 10.0, BOOK)
    assert fleet.size("node_does_not_report", "c/a") == 1
    assert fleet.size("guest_is_broken", "c/a") == 7
    assert fleet.size("part_is_down", "c/a nova-compute") == 1
    assert fleet.size("guest_is_broken", "elsewhere") == 0


def test_a_guest_that_breaks_long_after_many_of_its_node_is_a_page_of_its_own() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 6)
    cloud.run(20)
    cloud.fail("cmp1-g0", "cmp1-g1", "cmp1-g2")
    cloud.run(1200)
    assert cloud.told == [MANY]
    cloud.fail("cmp1-g5")
    cloud.run(60)
    assert cloud.told == [MANY, ("guest_is_broken", "cmp1-g5")]


def test_a_node_that_dies_long_after_many_of_its_guests_is_a_page_of_its_own() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 4)
    cloud.run(20)
    cloud.fail("cmp1-g0", "cmp1-g1", "cmp1-g2")
    cloud.run(1200)
    cloud.silent.add("cmp1")
    cloud.run(300)
    assert cloud.told == [MANY, DOWN]


def test_what_gets_better_when_its_cause_ends_is_never_told() -> None:
    """Sixty guests at once must stay well for two minutes, longer than they may outlive their node."""
    cloud = Cloud()
    cloud.add("cmp1", 60)
    cloud.run(20)
    cloud.silent.add("cmp1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.fail(*(f"cmp1-g{number}" for number in range(60)))
    cloud.run(60)
    cloud.problems.clear()
    cloud.run(900)
    assert cloud.told == [DOWN]
    assert cloud.state == {}


def test_what_gets_worse_again_after_its_cause_is_told() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 2)
    cloud.run(20)
    cloud.silent.add("cmp1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.fail("cmp1-g0")
    cloud.run(110)
    broken = dict(cloud.problems)
    cloud.problems.clear()
    cloud.run(25)
    cloud.problems = broken
    cloud.run(60)
    assert cloud.told == [DOWN, ("guest_is_broken", "cmp1-g0")]


@pytest.mark.parametrize(("before", "told"), [(60, True), (300, False), (3600, False)])
def test_a_guest_that_was_off_before_its_node_fell_silent_is_no_news_after_it(
    before: float, told: bool
) -> None:
    cloud = Cloud()
    cloud.add("cmp1", 4)
    cloud.run(20)
    cloud.fail("cmp1-g0", trigger="guest_not_running")
    cloud.run(before)
    cloud.silent.add("cmp1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.run(600)
    assert (("guest_is_not_running", "cmp1-g0") in cloud.told) is told


def silenced(*nodes: str) -> Callable[[Incident], bool]:
    return lambda incident: (incident.place or incident.key.subject) in nodes


def run(cloud: Cloud, seconds: float, *quiet: str) -> list[tuple[str, str]]:
    """Run with silences on nodes; return what is told."""
    told: list[tuple[str, str]] = []
    for _ in range(int(seconds / 5)):
        cloud.now += 5
        cloud.heard |= {node: cloud.now for node in cloud.heard if node not in cloud.silent}
        decision = decide(cloud.state, cloud.facts(), cloud.policy, cloud.now, silenced=silenced(*quiet))
        cloud.state = dict(decision.state)
        told += [
            effect.incident.key
            for effect in decision.effects
            if effect.change in {Change.OPENED, Change.PROMOTED} and effect.incident.told_at is not None
        ]
    return told


FIVE = tuple(f"n{number:03}" for number in range(5))


def test_a_group_of_which_all_are_silenced_is_not_told_until_one_is_not() -> None:
    cloud = storm(60, 0)
    silence(cloud, *FIVE)
    assert run(cloud, 600, *FIVE) == []
    assert cloud.state[SILENT].phase is Phase.OPEN
    assert run(cloud, 5, *FIVE[1:]) == [SILENT]


def test_one_that_joins_a_silenced_group_and_is_not_silenced_makes_it_heard() -> None:
    cloud = storm(60, 0)
    silence(cloud, *FIVE)
    assert run(cloud, 300, *FIVE) == []
    silence(cloud, "n020")
    assert run(cloud, 200, *FIVE) == [SILENT]


def test_silenced_ones_are_not_counted_as_growth() -> None:
    cloud = storm(60, 0)
    silence(cloud, *FIVE)
    run(cloud, 300)
    silence(cloud, "n020", "n021")
    run(cloud, 200, "n020", "n021")
    assert cloud.state[SILENT].size == 5


def incident(name: str, since: float, within: tuple[str, ...] = ()) -> Incident:
    return Incident(Key("r", name), Severity.HIGH, "", {}, since, since, within=within)


def test_the_largest_burst_is_found_wherever_it_is() -> None:
    every = [
        incident(name, since) for name, since in (("a", 0), ("b", 700), ("c", 800), ("d", 1300), ("e", 1301))
    ]
    assert [each.key.subject for each in largest_burst(every, 600)] == ["b", "c", "d"]
    assert largest_burst([], 600) == []


def test_what_all_of_a_group_live_by_is_a_label_of_it() -> None:
    every = [incident("a", 0, ("rack:r1", "power:p1")), incident("b", 0, ("power:p2", "rack:r1"))]
    assert shared(every) == ("rack:r1",)
    assert shared([]) == ()


def test_scopes_of_a_rule_are_numbered() -> None:
    second = scope_of("node_is_full", 2)
    assert (second.subject, rule_of(second)) == ("node_is_full#2", "node_is_full")
    assert free_scope("node_is_full", [scope_of("node_is_full"), scope_of("node_is_full", 3)]) == second


def test_a_group_waits_for_as_long_as_one_of_it_would() -> None:
    cloud = storm(20, 0)
    cloud.policy = Policy(holds={"node_does_not_report": 300.0})
    silence(cloud, *cloud.heard)
    cloud.run(380)
    assert cloud.told == []
    cloud.run(30)
    assert cloud.told == [SILENT]


def test_a_page_that_is_getting_better_is_left_to_its_own_end() -> None:
    """Four that were told, one of them well again; the fifth makes a group of those that are not."""
    cloud = Cloud(policy=Policy(Thresholds(scope_min=3)))
    for number in range(8):
        cloud.add(f"n{number}", 2)
    cloud.run(20)
    cloud.fail("n0-g0", "n1-g0")
    cloud.run(30)
    assert len(cloud.told) == 2
    del cloud.problems["n0-g0"]
    cloud.cycle(5)
    cloud.fail("n2-g0", "n3-g0")
    cloud.run(20)
    assert ("same_fault_on_many", "guest_is_broken") in cloud.told
    assert cloud.ended == [("guest_is_broken", "n1-g0")]
    assert cloud.state[Key("guest_is_broken", "n0-g0")].told_at is not None


def test_an_orphan_under_a_clock_that_is_set_back_is_told_all_the_same() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 4)
    cloud.run(20)
    cloud.silent.add("cmp1")
    cloud.run(300)
    cloud.silent.clear()
    cloud.fail("cmp1-g0")
    cloud.run(60)
    key = Key("guest_is_broken", "cmp1-g0")
    assert cloud.state[key].orphan_since is not None
    cloud.state[key] = replace(cloud.state[key], orphan_since=cloud.now + 50_000)
    cloud.run(200)
    assert ("guest_is_broken", "cmp1-g0") in cloud.told
