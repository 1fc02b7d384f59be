"""A clock that is off is named with its node and by how much; a node that is merely silent has none."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from argus.catalogue import libvirt
from argus.correlator.clocks import Clock, follow
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.incidents import Incident, decide
from argus.correlator.thresholds import Policy

OFF = Key("node_clock_is_off", "clock:cmp1")


@dataclass
class World:
    now: float = 1_000_000.0
    state: dict[Key, Incident] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)

    def runs(self, seconds: float, offset: float, *, silent: bool = False) -> Incident | None:
        at = self.now + offset
        end = self.now + seconds
        while self.now < end:
            self.now += 15
            at = at if silent else self.now + offset
            facts = Facts(nodes=(NodeValues("cmp1", {libvirt.UP.field: 1.0}, at),), at=self.now)
            facts, self.clocks = follow(self.clocks, facts, Policy().stale_after, self.now)
            self.state = dict(decide(self.state, facts, Policy(), self.now).state)
        return self.state.get(OFF)


@pytest.mark.parametrize(
    ("offset", "says"),
    [(600.0, "600 s ahead"), (40.0, "40 s ahead"), (-600.0, "600 s behind"), (3.0, ""), (-20.0, "")],
)
def test_a_clock_that_is_off_is_an_incident_that_says_by_how_much(offset: float, says: str) -> None:
    found = World().runs(300, offset)
    assert (found is not None and found.told_at is not None) is bool(says)
    assert found is None or found.summary == f"the clock of cmp1 is {says}"


def test_it_ends_when_the_clock_is_right_and_the_node_is_heard_again() -> None:
    world = World()
    world.runs(300, -600)
    assert world.runs(150, 0) is None


def test_a_node_that_is_silent_has_no_wrong_clock() -> None:
    world = World()
    world.runs(300, 0)
    assert world.runs(600, 0, silent=True) is None
