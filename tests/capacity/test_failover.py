"""N+k by packing: never optimistic, seldom pessimistic, and the names of those that do not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleets import ask, fewest_left_out, host, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.model import AFFINE, ANTI, Cell, Fleet, Guest, Inventory, Provider

SIZES = st.sampled_from([(1, 2), (2, 2), (2, 8), (4, 4), (3, 6), (1, 10)])


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    hosts = [
        host(f"h{n}", draw(st.integers(2, 10)), draw(st.integers(4, 20)), zone=draw(st.sampled_from("ab")))
        for n in range(draw(st.integers(2, 4)))
    ]
    guests = []
    for n in range(draw(st.integers(1, 7))):
        vcpu, memory = draw(SIZES)
        where = "h0" if n < 5 else draw(st.sampled_from([each.name for each in hosts]))
        apart = draw(st.booleans())
        guests.append(
            Guest(f"g{n}", where, ask(vcpu, memory), group="x" if apart else "", policy=ANTI if apart else "")
        )
    return settle("tiny", hosts, guests)


@pytest.mark.slow
@given(fleets())
@settings(max_examples=300, deadline=None)
def test_it_is_never_optimistic(fleet: Fleet) -> None:
    loss = Failover(fleet).lose("h0", ["h0"])
    least = fewest_left_out(fleet, "h0") if _stays(fleet) else 0
    assert len(loss.stranded) >= least
    assert len(loss.stranded) + len(loss.moved) == sum(1 for guest in fleet.guests if guest.host == "h0")
    for target in fleet.hosts:
        here = [guest for guest, where in loss.moved if where == target.name]
        for kind in ("VCPU", "MEMORY_MB"):
            wanted = sum(dict(guest.request.needs).get(kind, 0) for guest in here)
            assert not here or wanted <= target.providers[0].free(kind)


def _stays(fleet: Fleet) -> bool:
    """Whether the zone of h0 has another host, so that its guests may not leave it."""
    return sum(1 for each in fleet.hosts if each.zone == fleet.hosts[0].zone) > 1


def fleet_of(*rooms: tuple[int, int], sizes: tuple[tuple[int, int], ...]) -> Fleet:
    """h0 with guests of these sizes, and empty hosts h1.. of these rooms."""
    hosts = [host("h0", 99, 99), *(host(f"h{n}", *room) for n, room in enumerate(rooms, 1))]
    return settle("f", hosts, [Guest(f"g{n}", "h0", ask(*size)) for n, size in enumerate(sizes)])


def test_totals_are_not_enough_two_holes_of_three_do_not_take_a_four() -> None:
    fleet = fleet_of((3, 99), (3, 99), sizes=((4, 1),))
    loss = Failover(fleet).lose("h0", ["h0"])
    assert [guest.uuid for guest in loss.stranded] == ["g0"]
    assert loss.short == {"VCPU": 4, "MEMORY_MB": 1}


def test_large_guests_find_the_large_hole() -> None:
    loss = Failover(fleet_of((2, 99), (4, 99), sizes=((2, 1), (4, 1)))).lose("h0", ["h0"])
    assert loss.survives
    assert {guest.uuid: where for guest, where in loss.moved} == {"g0": "h1", "g1": "h2"}


def test_disabled_hosts_take_nobody() -> None:
    fleet = fleet_of((9, 99), sizes=((1, 1),))
    closed = replace(fleet, hosts=(fleet.hosts[0], replace(fleet.hosts[1], closed="disabled")))
    assert not Failover(closed).lose("h0", ["h0"]).survives


def test_guests_of_an_anti_affinity_group_do_not_meet() -> None:
    fleet = fleet_of((9, 99), sizes=((1, 1), (1, 1)))
    apart = replace(fleet, guests=tuple(replace(g, group="db", policy=ANTI) for g in fleet.guests))
    assert len(Failover(apart).lose("h0", ["h0"]).stranded) == 1


def test_guests_of_an_affinity_group_stay_together_or_do_not_move() -> None:
    fleet = fleet_of((1, 99), (1, 99), sizes=((1, 1), (1, 1)))
    assert Failover(fleet).lose("h0", ["h0"]).survives
    glued = replace(fleet, guests=tuple(replace(g, group="db", policy=AFFINE) for g in fleet.guests))
    assert len(Failover(glued).lose("h0", ["h0"]).stranded) == 2


def test_guests_stay_in_their_zone_until_all_of_it_is_lost() -> None:
    hosts = [host("a1", 9, 9, zone="a"), host("a2", 1, 9, zone="a"), host("b1", 9, 9, zone="b")]
    fleet = settle("f", hosts, [Guest("g", "a1", ask(4, 1))])
    assert not Failover(fleet).lose("a1", ["a1"]).survives
    assert Failover(fleet, across_zones=True).lose("a1", ["a1"]).survives
    assert {loss.unit: loss.survives for loss in Failover(fleet).each("az")} == {"a": True}


def test_huge_pages_are_found_on_one_cell() -> None:
    fleet = fleet_of((9, 9000), sizes=((1, 2048), (1, 2048)))
    request = ask(1, 2048, page=2048)
    cells = (Cell(0, {2048: 1500}), Cell(1, {2048: 600}))  # 1024 pages each guest: one fits, not two
    paged = replace(
        fleet,
        hosts=(fleet.hosts[0], replace(fleet.hosts[1], cells=cells)),
        guests=tuple(replace(guest, request=request) for guest in fleet.guests),
    )
    assert len(Failover(paged).lose("h0", ["h0"]).stranded) == 1


def test_a_provider_that_admits_no_such_guest_does_not_count() -> None:
    fleet = fleet_of((9, 99), sizes=((4, 1),))
    offers = {"VCPU": Inventory(9, max_unit=2), "MEMORY_MB": Inventory(99)}
    small = replace(fleet.hosts[1], providers=(Provider("p", offers),))
    assert not Failover(replace(fleet, hosts=(fleet.hosts[0], small))).lose("h0", ["h0"]).survives


def test_two_hosts_at_once_may_be_too_much() -> None:
    hosts = [host(f"h{n}", 4, 99) for n in range(3)]
    fleet = settle("f", hosts, [Guest(f"g{n}", f"h{n}", ask(2, 1)) for n in range(3)])
    failover = Failover(fleet)
    assert all(loss.survives for loss in failover.each("host"))
    assert all(not loss.survives for loss in failover.together(2))


def test_an_empty_host_that_is_lost_too_takes_nobody() -> None:
    fleet = fleet_of((99, 99), (0, 0), sizes=((1, 4),))
    found = {loss.unit: loss.survives for loss in Failover(fleet).together(2)}
    assert found == {"h0 and h1": False, "h0 and h2": True, "h1 and h2": True}
