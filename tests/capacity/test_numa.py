"""NUMA nodes: what is called sure always fits, and what is called impossible never does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from fleets import ask, host, settle
from hypothesis import given
from hypothesis import strategies as st

from argus.correlator.capacity import flavors
from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.model import Cell, Guest, Host, Inventory, Provider, Request
from argus.correlator.capacity.numa import ground, least, most

GIB_PAGE = 1048576
PINNED = Request((("MEMORY_MB", 1), ("PCPU", 4)), cells=1)


def pinning(name: str, free: int, *sizes: int) -> Host:
    offers = {"PCPU": Inventory(sum(sizes)), "MEMORY_MB": Inventory(1000)}
    cells = tuple(Cell(n, {}, size, 1000) for n, size in enumerate(sizes))
    return Host(name, (Provider(name, offers, {"PCPU": sum(sizes) - free}),), cells=cells)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3), st.integers(1, 5), st.integers(1, 2))
def test_pinned_cpus_between_the_worst_and_the_best_spread(left: list[int], part: int, width: int) -> None:
    """Every way in which what is left may lie on the cells gives a count within the bounds."""
    sizes = [9] * len(left)
    request = Request((("PCPU", part * width),), cells=width)
    where = ground(pinning("h", sum(left), *sizes))
    low, high = least(where, request), most(where, request)
    for spread in product(range(10), repeat=len(left)):
        if sum(spread) == sum(left):
            parts, count = [each // part for each in spread], 0
            while len([each for each in parts if each]) >= width:
                for index in sorted(range(len(parts)), key=lambda i: -parts[i])[:width]:
                    parts[index] -= 1
                count += 1
            assert low <= count <= high


def test_a_host_of_one_numa_node_is_exact_and_one_of_two_is_not() -> None:
    one = fit([pinning("h", 10, 16)], PINNED)
    assert (one.count, one.most) == (2, 2)
    two = fit([pinning("h", 8, 8, 8)], PINNED)
    assert (two.count, two.most) == (1, 2)


def test_a_guest_larger_than_a_numa_node_fits_nowhere_however_empty() -> None:
    cells = (Cell(0, {}, 4, 1000), Cell(1, {}, 4, 1000))
    target = host("h", 8, 2000, ratio=4.0, cells=cells)
    assert fit([target], ask(6, 10, cells=1)).most == 0
    assert fit([target], ask(6, 10, cells=2)).count > 0


def test_guests_with_a_topology_are_taken_from_every_node_since_nobody_tells_from_which() -> None:
    cells = (Cell(0, {}, 4, 1000), Cell(1, {}, 4, 1000))
    target = host("h", 8, 2000, cells=cells, bound=(2, 300))
    found = fit([target], ask(2, 300, cells=1))
    assert (found.count, found.most) == (2, 4)


def test_without_an_agent_it_is_not_known_rather_than_none() -> None:
    found = fit([host("h", 8, 8192)], ask(1, 1024, page=GIB_PAGE, cells=1))
    assert (found.count, found.most) == (0, 8)
    assert dict(found.refused) == {"not known: no agent tells of its NUMA nodes": 1}


def test_a_loss_that_may_fit_is_unsure_and_no_deficit() -> None:
    paged = ask(1, 1024, page=GIB_PAGE, cells=1)
    hosts = [host("a", 8, 8192), host("b", 8, 8192)]
    fleet = settle("f", hosts, [Guest("g", "a", paged)])
    loss = Failover(fleet).lose("a", ["a"])
    assert ([g.uuid for g in loss.unsure], loss.stranded, loss.survives) == (["g"], (), False)
    cells = (Cell(0, {GIB_PAGE: 1}, 8, 8192),)
    known = replace(fleet, hosts=(fleet.hosts[0], replace(fleet.hosts[1], cells=cells)))
    assert Failover(known).lose("a", ["a"]).survives
    bare = replace(fleet, hosts=(fleet.hosts[0], replace(fleet.hosts[1], cells=(Cell(0),))))
    assert [g.uuid for g in Failover(bare).lose("a", ["a"]).stranded] == ["g"]


def test_two_that_need_the_same_pages_do_not_both_find_them() -> None:
    paged = ask(1, 2048, page=GIB_PAGE, cells=1)
    hosts = [host("a", 8, 8192), host("b", 8, 8192, cells=(Cell(0, {GIB_PAGE: 3}, 8, 8192),))]
    loss = Failover(settle("f", hosts, [Guest("g", "a", paged), Guest("h", "a", paged)])).lose("a", ["a"])
    assert (len(loss.moved), len(loss.stranded)) == (1, 1)


def test_pinning_and_explicit_pages_make_a_topology_where_none_is_asked_for() -> None:
    def cells(**specs: str) -> int:
        named = {f"hw:{key}": value for key, value in specs.items()}
        return flavors.request({"vcpus": 2, "ram": 1, "disk": 1, "extra_specs": named}).cells

    assert [cells(), cells(cpu_policy="dedicated"), cells(mem_page_size="small")] == [0, 1, 1]
    assert cells(numa_nodes="2", cpu_policy="dedicated") == 2
