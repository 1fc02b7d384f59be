"""A decision stands: deciding again at the same instant, on what was decided, changes nothing (I10)."""

from __future__ import annotations

import pytest

from argus.correlator.evaluate import Key
from argus.correlator.incidents import Decision, Phase, decide
from argus.correlator.thresholds import Policy, Thresholds
from tests.correlator.test_causes import DOWN, MANY, Cloud

LIBVIRTD = ("libvirtd_does_not_answer", "cmp1")
GUEST = Key("guest_is_broken", "cmp1-g0")


@pytest.fixture
def cloud() -> Cloud:
    """A guest that broke while libvirtd of its node hung, which answers again: does the guest end too?"""
    made = Cloud()
    made.add("cmp1", 4)
    made.add("cmp2", 20)
    made.run(20)
    made.hung.add("cmp1")
    made.run(30)
    made.fail("cmp1-g0")
    made.run(300)
    made.hung.clear()
    made.run(40)
    assert made.ended == [LIBVIRTD]
    assert made.state[GUEST].orphan_since is not None
    return made


def stands(cloud: Cloud) -> bool:
    return decide(cloud.state, cloud.facts(), cloud.policy, cloud.now) == Decision(cloud.state)


def test_a_cause_that_begins_anew_says_nothing_of_how_it_ended_before(cloud: Cloud) -> None:
    cloud.hung.add("cmp1")
    cloud.cycle(1)
    assert cloud.state[Key(*LIBVIRTD)].phase is Phase.PENDING
    assert stands(cloud)
    cloud.run(150)
    assert GUEST in cloud.told, "it outlived what explained it"


def test_what_waits_for_its_end_is_no_symptom_of_the_next_trouble_of_its_node(cloud: Cloud) -> None:
    """Nor does a scope count it otherwise than it is told."""
    since = cloud.state[GUEST].orphan_since
    cloud.hung.add("cmp1")
    cloud.problems.clear()
    cloud.cycle(1)
    assert cloud.state[GUEST].held
    assert cloud.state[GUEST].orphan_since == since
    assert stands(cloud)


def test_a_scope_counts_at_once_whom_it_explains() -> None:
    """The guest of a node whose trouble was over before it opened joins those that broke elsewhere."""
    cloud = Cloud(policy=Policy(Thresholds(scope_min=3)))
    for node in ("a", "b"):
        cloud.add(node, 20)
    cloud.run(20)
    cloud.hung.add("a")
    cloud.fail("b-g0", "b-g1", "b-g2", "a-g0")
    cloud.cycle(5)
    cloud.run(60)
    cloud.hung.clear()
    cloud.run(40)
    waits = cloud.state[Key("guest_is_broken", "a-g0")]
    assert waits.cause == ("same_fault_on_many", "guest_is_broken")
    assert cloud.state[waits.cause].summary.startswith("4 at once")
    assert stands(cloud)


def test_what_nobody_hears_of_explains_nothing() -> None:
    """The node's failure was told and is over; that its guests fail cannot be judged while libvirtd hangs."""
    cloud = Cloud()
    cloud.add("cmp1", 3)
    cloud.cycle()
    guests = [f"cmp1-g{number}" for number in range(3)]
    cloud.silent.add("cmp1")
    cloud.fail(*guests)
    cloud.cycle(100)
    cloud.run(300)
    assert cloud.told == [DOWN]
    cloud.silent.clear()
    cloud.cycle()
    assert cloud.state[Key(*MANY)].cause == DOWN
    cloud.hung.add("cmp1")
    cloud.run(600)
    assert cloud.ended == [DOWN]
    assert cloud.state[Key(*MANY)].held
    assert {("guest_is_broken", guest) for guest in guests} <= set(cloud.told)


def test_a_node_that_falls_silent_again_is_not_explained_by_what_it_explained_before() -> None:
    cloud = Cloud()
    cloud.add("cmp1", 3)
    cloud.cycle()
    cloud.silent.add("cmp1")
    cloud.fail(*(f"cmp1-g{number}" for number in range(3)))
    cloud.cycle(100)
    cloud.cycle(30)
    cloud.silent.clear()
    cloud.cycle(5)
    cloud.cycle(31)
    assert cloud.ended == [DOWN]
    assert cloud.state[Key(*MANY)].cause == DOWN
    cloud.silent.add("cmp1")
    cloud.cycle(400)
    assert cloud.state[Key(*DOWN)].cause is None
    cloud.run(60)
    assert cloud.told.count(DOWN) == 2


def test_a_chain_of_explanations_is_followed_to_its_end_in_one_cycle() -> None:
    """Libvirtd was found long after a guest that was told; guests of two nodes make a group meanwhile."""
    cloud = Cloud(policy=Policy(Thresholds(scope_min=2)))
    for node in "abcd":
        cloud.add(node, 3)
    cloud.cycle(5)
    cloud.fail("d-g2")
    cloud.cycle(30)
    cloud.hung.add("d")
    cloud.cycle(30)
    cloud.fail("b-g0", "b-g2")
    cloud.cycle(1)
    cloud.fail("d-g1")
    cloud.cycle(100)
    assert decide(cloud.state, cloud.facts(), cloud.policy, cloud.now) == Decision(cloud.state)
