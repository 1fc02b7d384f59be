"""What is wrong with a placement, on a machine of two sockets, two nodes and hyperthreads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
