"""What is wrong with a placement, on a machine of two sockets, two nodes and hyperthreads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.domain import Cell
from argus_agent.kernel.topology import Cpu, NumaNode, Topology
from argus_agent.placement import (
    Guest,
    Problem,
    Vcpu,
    local_ratio,
    nodes_spanned,
    review,
    shared_cores,
)

GIB = 2**30
ALL = frozenset(range(16))


def _machine() -> Topology:
    """CPU n and n+8 are siblings; CPUs 0-3,8-11 are on node 0, the others on node 1."""
    cpus = {
        n: Cpu(n, package=(n % 8) // 4, core=n % 4, node=(n % 8) // 4, siblings=frozenset({n % 8, n % 8 + 8}))
        for n in ALL
    }
    nodes = {k: NumaNode(k, frozenset(n for n in ALL if cpus[n].node == k), {0: 10, 1: 10}) for k in (0, 1)}
    return Topology(cpus, nodes, frozenset())


def _guest(name: str, *processors: int, affinity: frozenset[int] | None = None, **memory: int) -> Guest:
    vcpus = tuple(
        Vcpu(number, cpu, affinity if affinity is not None else frozenset({cpu}))
        for number, cpu in enumerate(processors)
    )
    return Guest(name, f"uuid-{name}", vcpus, {int(node[1:]): size for node, size in memory.items()} or None)


def _problems(*guests: Guest, reserved: frozenset[int] = frozenset()) -> set[tuple[Problem, tuple[str, ...]]]:
    return {(finding.problem, finding.guests) for finding in review(guests, _machine(), reserved)}


def test_a_well_placed_guest_is_left_alone() -> None:
    good = _guest("a", 1, 9, n0=4 * GIB)
    assert _problems(good, _guest("b", 2, 10, n0=GIB)) == set()


def test_siblings_shared_by_two_guests_are_named() -> None:
    assert _problems(_guest("a", 1), _guest("b", 9)) == {(Problem.SHARED_CORE, ("a", "b"))}


def test_siblings_of_one_guest_are_as_they_should_be() -> None:
    assert shared_cores([_guest("a", 1, 9)], _machine()) == {}


def test_a_guest_on_two_nodes_is_named() -> None:
    assert _problems(_guest("a", 1, 5)) == {(Problem.SPANS_NODES, ("a",))}


def test_memory_on_the_other_node_is_named_with_its_share() -> None:
    guest = _guest("a", 1, n0=GIB, n1=3 * GIB)
    finding = review((guest,), _machine(), frozenset())[0]
    assert (finding.problem, finding.detail) == (
        Problem.REMOTE_MEMORY,
        "25% of its memory is on node 0",
    )


def test_an_unpinned_guest_may_run_on_reserved_cpus() -> None:
    assert _problems(_guest("a", 5, affinity=ALL), reserved=frozenset({0, 1})) == {
        (Problem.ON_RESERVED, ("a",))
    }


def test_two_guests_pinned_to_one_cpu_are_named() -> None:
    assert (Problem.SHARED_CPU, ("a", "b")) in _problems(_guest("a", 1), _guest("b", 1))


def test_a_guest_that_floats_over_pinned_cpus_of_another_is_named() -> None:
    pinned, floating = _guest("a", 1), _guest("b", 5, affinity=ALL)
    assert _problems(pinned, floating) == {(Problem.OVER_PINNED, ("b", "a"))}


def test_floating_guests_on_one_cpu_just_now_are_not_pinned_together() -> None:
    floating = [_guest(name, 1, affinity=ALL) for name in ("a", "b")]
    assert (Problem.SHARED_CPU, ("a", "b")) not in _problems(*floating)


def test_what_the_kernel_did_not_tell_is_unknown() -> None:
    assert local_ratio(_guest("a", 1), _machine()) is None
    assert nodes_spanned(_guest("a", 1)) is None


@pytest.mark.parametrize(("on_node_1", "spanned"), [(10, 2), (2, 2), (0.5, 1)])
def test_a_node_with_a_hundredth_of_the_memory_holds_the_guest(on_node_1: float, spanned: int) -> None:
    memory = {0: int(GIB * (100 - on_node_1)), 1: int(GIB * on_node_1)}
    assert nodes_spanned(Guest("a", "u", (), memory)) == spanned


@pytest.mark.parametrize(
    ("processors", "memory", "local"),
    [
        ((0, 1, 2, 3, 8, 9, 10, 4), {1: 64 * GIB}, 1 / 8),
        ((0, 1, 4, 5), {0: 64 * GIB}, 1 / 2),
        ((0, 1, 4, 5), {0: 32 * GIB, 1: 32 * GIB}, 1 / 2),
        ((0, 1, 2, 4), {0: 48 * GIB, 1: 16 * GIB}, 10 / 16),
        ((0, 4), {2: GIB}, 0.0),
    ],
    ids=["all but one vCPU are away", "half is away", "interleaved", "three to one", "a node without CPUs"],
)
def test_each_vcpu_counts_by_the_node_it_is_on(
    processors: tuple[int, ...], memory: dict[int, int], local: float
) -> None:
    guest = replace(_guest("a", *processors, affinity=ALL), memory=memory)
    assert local_ratio(guest, _machine()) == pytest.approx(local)


def test_a_vcpu_on_a_cpu_that_is_not_known_does_not_count() -> None:
    assert local_ratio(_guest("a", 0, 99, n0=GIB), _machine()) == 1


def test_a_guest_over_two_nodes_is_told_how_much_is_near() -> None:
    spread = _guest("a", 0, 4, affinity=ALL, n0=GIB, n1=GIB)
    details = {finding.problem: finding.detail for finding in review((spread,), _machine(), frozenset())}
    assert details == {
        Problem.SPANS_NODES: "vCPUs on nodes 0-1",
        Problem.REMOTE_MEMORY: "its vCPUs, on nodes 0-1, have 50% of its memory on their own node",
    }


def _celled(
    processors: tuple[int, ...],
    bound: tuple[int | None, ...] = (0, 1),
    sizes: tuple[int, ...] = (4, 4),
    cell_memory: dict[int, dict[int, int]] | None = None,
    **memory: int,
) -> Guest:
    """A guest whose vCPUs 0 and 1 are in cell 0, the others in cell 1; sizes in GiB."""
    cells = tuple(
        Cell(number, vcpus, size * GIB, frozenset() if node is None else frozenset({node}))
        for number, (vcpus, size, node) in enumerate(
            zip((frozenset({0, 1}), frozenset(range(2, len(processors)))), sizes, bound, strict=True)
        )
    )
    nodes = {int(node[1:]): size for node, size in memory.items()}
    return replace(_guest("a", *processors), memory=nodes, cells=cells, cell_memory=cell_memory)


@pytest.mark.parametrize(
    ("guest", "local"),
    [
        (_celled((0, 1, 4, 5), n0=4 * GIB, n1=4 * GIB), 1.0),
        (_celled((4, 5, 0, 1), n0=4 * GIB, n1=4 * GIB), 0.0),
        (_celled((0, 4, 5, 6), n0=GIB, n1=3 * GIB), 0.75),
        (_celled((0, 1, 4, 5), bound=(0, 0), n0=8 * GIB), 0.5),
        (_celled((0, 1, 4, 5), n0=4 * GIB + GIB // 4, n1=4 * GIB), 1.0),
        (_celled((0, 1, 4, 5), n0=8 * GIB), 0.5),
        (_celled((0, 1, 4, 5), bound=(None, None), n0=4 * GIB, n1=4 * GIB), None),
        (_celled((0, 1, 4, 5), bound=(0, None), n0=4 * GIB, n1=4 * GIB), None),
        (_celled((0, 1, 4, 5), n0=6 * GIB, n1=2 * GIB), None),
        (_celled((0, 1, 4, 5), n0=5 * GIB, n1=3 * GIB), None),
        (_celled((0, 1, 2, 3), bound=(None, None), n0=6 * GIB, n1=2 * GIB), 0.75),
        (_celled((0, 1, 2, 3), bound=(None, None), sizes=(6, 2), n0=6 * GIB, n1=2 * GIB), None),
    ],
    ids=[
        "as it should be",
        "each cell's vCPUs on the node of the other's memory",
        "one vCPU left its cell",
        "both cells bound to one node",
        "QEMU's own memory is on one of them",
        "all memory is on one node, whatever was bound",
        "who is where is not known",
        "one cell is not bound",
        "memory moved away from where it was bound",
        "an eighth of it did",
        "all vCPUs on one node: whose memory is far makes no difference",
        "it does where cells differ in size",
    ],
)
def test_memory_is_compared_cell_by_cell_where_cells_can_be_told_apart(
    guest: Guest, local: float | None
) -> None:
    assert local_ratio(guest, _machine()) == (None if local is None else pytest.approx(local))


def test_memory_by_cell_as_the_kernel_tells_it_is_believed_before_what_was_bound() -> None:
    swapped = {0: {1: 4 * GIB}, 1: {0: 3 * GIB, 1: GIB}}
    guest = _celled((0, 1, 4, 5), cell_memory=swapped, n0=3 * GIB, n1=5 * GIB)
    assert local_ratio(guest, _machine()) == pytest.approx((0 + 0 + 0.25 + 0.25) / 4)


def test_cells_that_are_not_understood_leave_the_locality_unknown() -> None:
    guest = replace(_guest("a", 0, 1, n0=GIB), cells=None)
    assert local_ratio(guest, _machine()) is None


def test_a_vcpu_of_no_cell_leaves_the_locality_unknown() -> None:
    guest = _celled((0, 1, 4, 5), n0=4 * GIB, n1=4 * GIB)
    assert guest.cells
    guest = replace(guest, cells=(guest.cells[0], replace(guest.cells[1], vcpus=frozenset({2}))))
    assert local_ratio(guest, _machine()) is None


def test_a_guest_whose_cells_are_on_a_node_each_spans_no_nodes() -> None:
    assert _problems(_celled((0, 1, 4, 5), n0=4 * GIB, n1=4 * GIB)) == set()


def test_a_cell_on_two_nodes_is_named() -> None:
    torn = _celled((0, 4, 5, 6), n0=4 * GIB, n1=4 * GIB)
    details = {finding.problem: finding.detail for finding in review((torn,), _machine(), frozenset())}
    assert details[Problem.SPANS_NODES] == "vCPUs of cell 0 on nodes 0-1"


def test_crumbs_on_another_node_do_not_count_as_spanning() -> None:
    assert nodes_spanned(_guest("a", 1, n0=GIB, n1=GIB // 1000)) == 1


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=6),
    st.dictionaries(st.integers(0, 3), st.integers(0, 2**40), max_size=4),
)
def test_the_local_share_is_a_share_or_unknown(processors: list[int], memory: dict[int, int]) -> None:
    guest = Guest("a", "u", tuple(Vcpu(i, cpu, frozenset({cpu})) for i, cpu in enumerate(processors)), memory)
    ratio = local_ratio(guest, _machine())
    assert ratio is None or 0 <= ratio <= 1


@pytest.mark.parametrize("count", [0, 1, 40])
def test_any_number_of_guests_is_reviewed(count: int) -> None:
    guests = tuple(_guest(f"g{n}", n % 16, affinity=ALL) for n in range(count))
    names = {name for finding in review(guests, _machine(), frozenset()) for name in finding.guests}
    assert names <= {guest.name for guest in guests}
