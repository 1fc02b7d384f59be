"""What happens on a node that is out of service is told when it is back, if it is still so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from argus import alerts
from argus.catalogue import libvirt
from argus.correlator.facts import ZABBIX, Facts, Maintenance, NodeValues
from argus.correlator.service import Part, Services, State
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.routing.tree import everything
from argus.site import Site
from argus.store import outbox, silences

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.store.engine import Store

POLICY = Policy(holds={"libvirtd_does_not_answer": 0.0})


@dataclass
class World:
    """A node whose libvirtd does not answer, in a maintenance of Zabbix' or of Nova's."""

    now: float = 1000.0
    in_maintenance: bool = False
    nova: tuple[Maintenance, ...] = ()
    sources: tuple[str, ...] = (ZABBIX, "openstack:one")
    blind: tuple[str, ...] = field(default=())
    others: tuple[object, ...] = ()

    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        node = NodeValues("cmp1", {libvirt.UP.field: 0.0}, self.now, in_maintenance=self.in_maintenance)
        why = tuple("away" for _ in self.blind)
        others = () if self.blind else (*self.nova, *self.others)
        return Facts(nodes=(node,), sources=self.sources, blind=self.blind, why_blind=why, others=others)

    def clock(self) -> float:
        return self.now


def due(site: Site, world: World) -> int:
    """Run a cycle, and count the messages that could leave now."""
    world.now += 15
    assert correlate(site)
    claimed = 0
    with site.store.write() as session:
        while outbox.claim(session, "me", 1, world.now) is not None:
            claimed += 1
        session.rollback()
    return claimed


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def site(store: Store, world: World) -> Site:
    return Site(store, world, POLICY, {}, everything(("webhook:ops",)), "me", world.clock)


def test_a_node_in_a_maintenance_in_zabbix_is_told_when_it_ends(
    site: Site, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.in_maintenance = True
    assert due(site, world) == 0
    assert due(site, world) == 0
    alerts.alerts(site.store, form="table")
    assert "no: silenced" in capsys.readouterr().out
    world.in_maintenance = False
    assert due(site, world) == 1


def test_a_node_that_nova_disabled_is_told_when_it_is_enabled_but_not_because_nova_is_away(
    site: Site, world: World
) -> None:
    world.nova = (Maintenance("openstack", "cmp1", "disabled in Nova: new RAM"),)
    assert due(site, world) == 0
    world.blind = ("openstack:one",)
    assert due(site, world) == 0
    world.blind, world.nova = (), ()
    assert due(site, world) == 1


def nova(cell: State = State.UP, **hosts: str) -> Services:
    """Return a Nova with these hosts, enabled where the reason is empty, and one of another cell."""
    parts = [
        Part(
            f"one/nova/nova-compute@{host}",
            "one/nova",
            "nova-compute",
            host,
            State.DISABLED if why else State.UP,
            why,
            0.0,
        )
        for host, why in hosts.items()
    ]
    other = Part("one/nova/nova-compute@far", "one/nova", "nova-compute", "far", cell, "", 0.0)
    return Services((), (*parts, other))


def test_a_host_that_a_person_disabled_in_nova_is_told_when_it_is_enabled(site: Site, world: World) -> None:
    world.others = (nova(cmp1="new disks"),)
    assert due(site, world) == 0
    with site.store.read() as session:
        (row,) = silences.active(session, world.now)
    assert (row.source, row.comment) == ("nova/one/nova:cmp1", "disabled in Nova: new disks")
    world.others = (nova(),)
    assert due(site, world) == 1, "a host that Nova no longer has is in no maintenance"


@pytest.mark.parametrize(
    "reason",
    ["AUTO: Connection to libvirt lost: 1", "Masakari detected host failed.", "no reason given; it is down"],
)
def test_what_nova_or_masakari_disabled_by_itself_is_told_at_once(
    site: Site, world: World, reason: str
) -> None:
    world.others = (nova(cmp1=reason),)
    assert due(site, world) == 1


def test_while_nova_or_one_of_its_cells_does_not_answer_no_maintenance_ends(site: Site, world: World) -> None:
    world.others = (nova(cmp1="new disks"),)
    due(site, world)
    world.others = (nova(State.UNKNOWN),)
    assert due(site, world) == 0, "cmp1 may be in the cell that does not answer"
    world.others = (Services((), ()),)
    assert due(site, world) == 0, "Nova told nothing"
    world.others = ()
    assert due(site, world) == 0
    world.others = (nova(State.UNKNOWN, cmp1=""),)
    assert due(site, world) == 1, "enabled, whatever the other cell does"
