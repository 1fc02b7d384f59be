"""A rack or a group of which all members are silenced is silenced, and its own labels match too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from argus.catalogue import libvirt
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.routing.matchers import parse
from argus.routing.tree import everything
from argus.site import Site
from argus.store import outbox, silences
from argus.store.models import ClockRow, IncidentRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.store.engine import Store


pytestmark = pytest.mark.slow  # hours of cycles on a real database


@dataclass
class Hall:
    """Racks of six nodes; ``slow`` is how long reading them takes, ``ahead`` a clock that is off."""

    now: float = 1_000_000.0
    racks: int = 3
    tagged: bool = True
    silent: dict[str, float] = field(default_factory=dict)
    in_maintenance: set[str] = field(default_factory=set)
    ahead: dict[str, float] = field(default_factory=dict)
    slow: float = 0.0

    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        nodes = tuple(
            NodeValues(
                f"r{rack}n{n}",
                {libvirt.UP.field: 1.0},
                self.silent.get(f"r{rack}n{n}", self.now) + self.ahead.get(f"r{rack}n{n}", 0.0),
                within=(f"rack:r{rack}",) if self.tagged else (),
                in_maintenance=f"r{rack}n{n}" in self.in_maintenance,
            )
            for rack in range(self.racks)
            for n in range(6)
        )
        self.now += self.slow
        return Facts(nodes=nodes)

    def clock(self) -> float:
        return self.now


@pytest.fixture
def hall() -> Hall:
    return Hall()


@pytest.fixture
def site(store: Store, hall: Hall) -> Site:
    return Site(store, hall, Policy(), {}, everything(("webhook:ops",)), "me", hall.clock)


RACK = tuple(f"r1n{n}" for n in range(6))


def run(site: Site, hall: Hall, seconds: float) -> list[str]:
    """Run cycles; return of what messages left, as ``kind subject``."""
    left = []
    for _ in range(int(seconds / 15)):
        hall.now += 15
        assert correlate(site)
        with site.store.write() as session:
            while (message := outbox.claim(session, "me", 60, hall.now)) is not None:
                left.append(f"{message.kind} {message.payload['subject']}")
                session.execute(update(OutboxRow).values(state="sent", sent_at=hall.now))
    return left


def go_dark(hall: Hall, *nodes: str) -> None:
    hall.silent |= dict.fromkeys(nodes, hall.now)


@pytest.mark.parametrize("tagged", [True, False])
def test_nodes_in_maintenance_that_are_switched_off_page_nobody(site: Site, hall: Hall, tagged: bool) -> None:
    hall.tagged = tagged
    hall.in_maintenance = set(RACK)
    run(site, hall, 60)
    go_dark(hall, *RACK)
    assert run(site, hall, 1200) == []


@pytest.mark.parametrize("word", ['node=~"r1n.*"', 'rack="r1"', 'kind=~"node|place"'])
def test_a_rack_that_is_silenced_by_any_of_its_labels_pages_nobody(site: Site, hall: Hall, word: str) -> None:
    run(site, hall, 60)
    with site.store.write() as session:
        silences.add(session, [parse(word)], hall.now + 7200, "ann", "power work", hall.now)
    go_dark(hall, *RACK)
    assert run(site, hall, 1200) == []


def test_a_maintenance_that_ends_while_the_rack_is_dark_is_told(site: Site, hall: Hall) -> None:
    hall.in_maintenance = set(RACK)
    run(site, hall, 60)
    go_dark(hall, *RACK)
    assert run(site, hall, 600) == []
    hall.in_maintenance = set()
    assert run(site, hall, 60) == ["open rack r1"]


def test_one_node_of_a_rack_that_is_not_in_maintenance_makes_it_heard(site: Site, hall: Hall) -> None:
    hall.in_maintenance = set(RACK[1:])
    run(site, hall, 60)
    go_dark(hall, *RACK)
    assert run(site, hall, 600) == ["open rack r1"]


def test_a_group_that_grows_is_an_update_for_those_who_know(site: Site, hall: Hall) -> None:
    hall.tagged = False
    run(site, hall, 60)
    go_dark(hall, *RACK)
    assert run(site, hall, 300) == ["open node_does_not_report"]
    go_dark(hall, "r0n0", "r0n1")
    assert run(site, hall, 300) == ["update node_does_not_report"]
    with site.store.read() as session:
        size = session.scalar(select(IncidentRow.size).where(IncidentRow.rule == "same_fault_on_many"))
    assert size == 8


def test_a_slow_reading_makes_no_node_silent(site: Site, hall: Hall) -> None:
    site = replace(site, read_seconds=500.0)
    hall.slow = 100.0
    assert run(site, hall, 600) == []


def test_a_clock_that_is_ahead_is_remembered_from_cycle_to_cycle(site: Site, hall: Hall) -> None:
    hall.ahead = {"r0n0": 3600.0}
    run(site, hall, 60)
    with site.store.read() as session:
        assert session.scalars(select(ClockRow.host)).all() == ["r0n0"]
    go_dark(hall, "r0n0")
    assert run(site, hall, 150) == ["open r0n0"]
    hall.ahead, hall.silent = {}, {}
    run(site, hall, 60)
    with site.store.read() as session:
        assert session.scalars(select(ClockRow.host)).all() == []
