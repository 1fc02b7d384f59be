"""A rack or a proxy that is away is one page; its nodes and their guests are its symptoms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from argus.catalogue import libvirt
from argus.correlator.evaluate import Key
from argus.correlator.facts import Facts, NodeValues, Placement, Problem
from argus.correlator.incidents import Change, Incident, Phase, decide
from argus.correlator.thresholds import Policy, Thresholds

RACK, PROXY = Key("place_is_silent", "rack:r1"), Key("proxy_is_away", "proxy:zp1")


@dataclass
class Hall:
    """Two racks of four nodes, the first one behind a switch and a proxy of its own; a guest on each node."""

    now: float = 100_000.0
    policy: Policy = field(default_factory=lambda: Policy(Thresholds(scope_min=5)))
    state: dict[Key, Incident] = field(default_factory=dict)
    silent: dict[str, float] = field(default_factory=dict)
    proxy_at: float | None = None
    broken: tuple[Problem, ...] = ()
    told: list[Key] = field(default_factory=list)
    ended: list[Key] = field(default_factory=list)

    @property
    def nodes(self) -> dict[str, tuple[str, ...]]:
        first = ("proxy:zp1", "rack:r1", "switch:leaf1")
        return {f"n{n}": first if n < 4 else ("rack:r2",) for n in range(8)}

    def facts(self) -> Facts:
        nodes = tuple(
            NodeValues(name, {libvirt.UP.field: 1.0}, self.silent.get(name, self.now), within=within)
            for name, within in self.nodes.items()
        )
        stays = tuple(Placement(f"g-{name}", name) for name in self.nodes)
        seen = self.now if self.proxy_at is None else self.proxy_at
        return Facts(self.broken, nodes, placements=stays, proxies=(("zp1", seen), ("unused", 0.0)))

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds / 5)):
            self.now += 5
            decision = decide(self.state, self.facts(), self.policy, self.now)
            self.state = dict(decision.state)
            for effect in decision.effects:
                if effect.change in {Change.OPENED, Change.PROMOTED} and effect.incident.told_at:
                    self.told.append(effect.incident.key)
                if effect.change is Change.RESOLVED and effect.incident.told_at:
                    self.ended.append(effect.incident.key)

    def cut(self, *names: str) -> None:
        self.silent |= dict.fromkeys(names, self.now)

    def fail(self, *names: str) -> None:
        self.broken = tuple(
            Problem(name, name, "crashed", 4, self.now, {}, False, False, "guest_broken") for name in names
        )


@pytest.fixture
def hall() -> Hall:
    made = Hall()
    made.run(20)
    return made


def test_a_rack_that_goes_dark_with_its_guests_is_one_page(hall: Hall) -> None:
    hall.cut("n0", "n1", "n2", "n3")
    hall.fail("g-n0", "g-n1")
    hall.run(400)
    assert hall.told == [RACK]
    assert hall.state[RACK].summary == "4 of 4 nodes of rack r1 and switch leaf1 do not report"
    assert hall.state[Key("node_does_not_report", "n0")].cause == RACK


def test_a_node_that_stays_dark_when_its_rack_returns_is_told_by_itself(hall: Hall) -> None:
    hall.cut("n0", "n1", "n2", "n3")
    hall.run(300)
    for name in ("n0", "n1", "n2"):
        del hall.silent[name]
    hall.run(400)
    assert hall.ended == [RACK]
    assert hall.told == [RACK, Key("node_does_not_report", "n3")]


def test_two_dark_nodes_of_a_rack_are_two_nodes(hall: Hall) -> None:
    hall.cut("n4", "n5")
    hall.run(300)
    assert sorted(hall.told) == [Key("node_does_not_report", name) for name in ("n4", "n5")]


def test_behind_a_proxy_that_is_away_nothing_is_known_and_the_proxy_is_told(hall: Hall) -> None:
    hall.policy = Policy(Thresholds(place_silent_min=9))
    hall.proxy_at = hall.now
    hall.cut("n0", "n1", "n2", "n3")
    hall.run(400)
    assert hall.told == [PROXY]
    assert "4 nodes cannot be seen" in hall.state[PROXY].summary


def test_many_that_recover_at_once_must_stay_well_for_longer(hall: Hall) -> None:
    hall.policy = Policy(Thresholds(scope_min=99, place_silent_min=99), mass_min=2)
    hall.cut("n4", "n5", "n6", "n7")
    hall.run(200)
    hall.silent.clear()
    hall.run(100)
    assert len(hall.told) == 4
    assert hall.ended == []
    hall.run(50)
    assert len(hall.ended) == 4


def test_one_that_comes_and_goes_is_kept_open_until_it_is_quiet(hall: Hall) -> None:
    node = Key("node_does_not_report", "n4")
    hall.cut("n4")
    facts, recent = hall.facts(), {node: 3}
    now = hall.now + 200
    found = decide({}, facts, hall.policy, now, recent=recent)
    opened = decide(found.state, facts, hall.policy, now + 40, recent=recent)
    assert opened.state[node].phase is Phase.OPEN
    assert any("it flaps" in effect.reason for effect in opened.effects)
    hall.silent.clear()
    state = dict(opened.state)
    for later in (50.0, 100.0, 900.0):
        hall.now = now + later
        decision = decide(state, hall.facts(), hall.policy, hall.now)
        state = dict(decision.state)
    assert state[node].clear_since is not None
    hall.now = now + 1000
    assert node not in decide(state, hall.facts(), hall.policy, hall.now).state


def test_a_rack_is_not_dark_because_zabbix_was(hall: Hall) -> None:
    hall.cut(*(f"n{n}" for n in range(8)))
    hall.now += 300
    back = replace(hall.facts(), awake_since=hall.now - 15)
    assert RACK not in decide({}, back, hall.policy, hall.now).state
    later = replace(back, awake_since=hall.now - 100)
    assert RACK in decide({}, later, hall.policy, hall.now).state
