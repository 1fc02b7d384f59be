"""Who runs where, and what is wrong with it: pure, from the topology and what the kernel says of guests."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.cpulist import format_cpulist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus_agent.kernel.domain import Cell
    from argus_agent.kernel.topology import Topology

SIGNIFICANT_SHARE = 0.01
"""A node with less of a guest's memory than this does not hold it: shared libraries end up anywhere."""

UNEXPLAINED_SHARE = 0.1
"""Cells are taken to be where they are bound to while all memory but this share agrees with that: QEMU's own
memory is bound to no node."""

LOCAL_ENOUGH = 0.8
"""Below this share of local memory a guest pays for remote access; the interconnect costs 1.5 to 2 times."""


class Problem(enum.Enum):
    """What can be wrong; the value is what a person reads."""

    SHARED_CORE = "hyperthreads of one core carry different guests"
    SHARED_CPU = "one CPU is pinned by different guests"
    SPANS_NODES = "vCPUs run on several NUMA nodes"
    REMOTE_MEMORY = "memory is away from the vCPUs"
    OVER_PINNED = "may run on CPUs that are pinned to another guest"
    ON_RESERVED = "may run on CPUs that are kept for the host"


class Vcpu(NamedTuple):
    """One vCPU thread: the CPU it ran on last, and the CPUs it may run on."""

    number: int
    processor: int
    affinity: frozenset[int]


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest and its threads; ``memory`` is bytes by NUMA node, ``None`` where the kernel did not tell.

    ``cells`` is its virtual NUMA, empty where it sees a single node and ``None`` where it is not understood;
    ``cell_memory`` is bytes by cell and node of the host, where the kernel tells cells apart.
    """

    name: str
    uuid: str
    vcpus: tuple[Vcpu, ...]
    memory: Mapping[int, int] | None = None
    cells: tuple[Cell, ...] | None = ()
    cell_memory: Mapping[int, Mapping[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one or two guests, with the CPUs concerned."""

    problem: Problem
    guests: tuple[str, ...]
    cpus: frozenset[int]
    detail: str


def nodes_of(guest: Guest, topology: Topology) -> frozenset[int]:
    """Return the NUMA nodes that the guest's vCPUs ran on last."""
    cpus = (topology.cpus.get(vcpu.processor) for vcpu in guest.vcpus)
    return frozenset(cpu.node for cpu in cpus if cpu is not None and cpu.node is not None)


def local_ratio(guest: Guest, topology: Topology) -> float | None:
    """Return how much of the memory that a vCPU looks at is on the node it runs on, on average over vCPUs.

    A vCPU looks at all memory of the guest alike; in a guest with virtual NUMA, at that of its own cell, as
    its kernel arranges it.  vCPUs weigh alike, busy or not.  ``None`` when it is not known where the vCPUs
    are, where the memory is, or which cell it belongs to.
    """
    homes = _homes(guest, topology)
    total = sum(guest.memory.values()) if guest.memory else 0
    if not homes or not total or guest.memory is None or guest.cells is None:
        return None
    if len(guest.cells) > 1:
        return _local_by_cell(guest, guest.cells, guest.memory, homes)
    return sum(guest.memory.get(node, 0) for node in homes.values()) / len(homes) / total


def _homes(guest: Guest, topology: Topology) -> dict[int, int]:
    """The node by vCPU, of those that are on a node that is known."""
    cpus = {vcpu.number: topology.cpus.get(vcpu.processor) for vcpu in guest.vcpus}
    return {number: cpu.node for number, cpu in cpus.items() if cpu is not None and cpu.node is not None}


def _local_by_cell(
    guest: Guest, cells: tuple[Cell, ...], memory: Mapping[int, int], homes: Mapping[int, int]
) -> float | None:
    cell_of = {vcpu: cell.number for cell in cells for vcpu in cell.vcpus}
    if not homes.keys() <= cell_of.keys():
        return None
    nodes = set(homes.values())
    if len(nodes) == 1 and _is_even(cells, homes):  # whose memory is far makes no difference
        return memory.get(min(nodes), 0) / sum(memory.values())
    places = guest.cell_memory or _places(cells, memory)
    shares = []
    for vcpu, node in homes.items():
        place = (places or {}).get(cell_of[vcpu], {})
        if not (size := sum(place.values())):
            return None
        shares.append(place.get(node, 0) / size)
    return sum(shares) / len(shares)


def _is_even(cells: tuple[Cell, ...], homes: Mapping[int, int]) -> bool:
    """Whether each cell has the same share of the vCPUs as of the memory, to the percent."""
    size = sum(cell.memory for cell in cells)
    return bool(size) and all(
        abs(cell.memory / size - len(cell.vcpus & homes.keys()) / len(homes)) < SIGNIFICANT_SHARE
        for cell in cells
    )


def _places(cells: tuple[Cell, ...], memory: Mapping[int, int]) -> Mapping[int, Mapping[int, int]] | None:
    """Bytes by cell and node where the sums of the guest leave one answer only; ``None`` where they do not.

    The kernel tells how much of the guest is on a node, not which cell it is.  That is plain when all of it
    is on one node, or when each cell is bound to one and the sums agree.
    """
    total = sum(memory.values())
    holding = [node for node, size in memory.items() if size / total > SIGNIFICANT_SHARE]
    if len(holding) == 1:
        return {cell.number: {holding[0]: 1} for cell in cells}
    expected: dict[int, int] = {}
    for cell in cells:
        if len(cell.bound) != 1:
            return None
        expected[min(cell.bound)] = expected.get(min(cell.bound), 0) + cell.memory
    beyond = sum(max(0, size - expected.get(node, 0)) for node, size in memory.items())
    if beyond / total > UNEXPLAINED_SHARE:
        return None
    return {cell.number: {min(cell.bound): 1} for cell in cells}


def parts_across_nodes(guest: Guest, topology: Topology) -> dict[str, frozenset[int]]:
    """Return the nodes of what should run on one and does not: the guest, or cells of its virtual NUMA."""
    homes = _homes(guest, topology)
    cells = guest.cells or ()
    parts = {f"vCPUs of cell {cell.number}": cell.vcpus for cell in cells} if len(cells) > 1 else {}
    found = {
        name: frozenset(homes[vcpu] for vcpu in vcpus & homes.keys())
        for name, vcpus in (parts or {"vCPUs": frozenset(homes)}).items()
    }
    return {name: nodes for name, nodes in found.items() if len(nodes) > 1}


def nodes_spanned(guest: Guest) -> int | None:
    """Return how many NUMA nodes hold a significant share of the guest's memory."""
    if not guest.memory or not (total := sum(guest.memory.values())):
        return None
    return sum(size / total > SIGNIFICANT_SHARE for size in guest.memory.values())


def shared_cores(guests: Iterable[Guest], topology: Topology) -> dict[frozenset[int], frozenset[str]]:
    """Return the cores whose hyperthreads carry, right now, vCPUs of more than one guest."""
    on_core: dict[frozenset[int], set[str]] = {}
    for guest in guests:
        for vcpu in guest.vcpus:
            cpu = topology.cpus.get(vcpu.processor)
            if cpu is not None and len(cpu.siblings) > 1:
                on_core.setdefault(cpu.siblings, set()).add(guest.name)
    return {core: frozenset(names) for core, names in on_core.items() if len(names) > 1}


def pinned(guest: Guest, topology: Topology) -> frozenset[int]:
    """Return the CPUs that single vCPUs of the guest own: pinned one to one."""
    return frozenset(
        cpu for vcpu in guest.vcpus for cpu in vcpu.affinity & topology.cpus.keys() if len(vcpu.affinity) == 1
    )


def review(guests: tuple[Guest, ...], topology: Topology, reserved: frozenset[int]) -> tuple[Finding, ...]:
    """Return everything that is wrong with the placement, the dearest first."""
    return (
        *_across_nodes(guests, topology),
        *_away_from_memory(guests, topology),
        *_on_shared_cores(guests, topology),
        *_on_the_same_cpu(guests, topology),
        *_over_pinned(guests, topology),
        *_on_reserved(guests, topology, reserved),
    )


def _across_nodes(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    for guest in guests:
        parts = parts_across_nodes(guest, topology)
        if parts:
            cpus = frozenset(vcpu.processor for vcpu in guest.vcpus)
            detail = "; ".join(f"{name} on nodes {format_cpulist(nodes)}" for name, nodes in parts.items())
            yield Finding(Problem.SPANS_NODES, (guest.name,), cpus, detail)


def _away_from_memory(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    for guest in guests:
        ratio = local_ratio(guest, topology)
        if ratio is not None and ratio < LOCAL_ENOUGH:
            cpus = frozenset(vcpu.processor for vcpu in guest.vcpus)
            yield Finding(Problem.REMOTE_MEMORY, (guest.name,), cpus, _how_far(guest, ratio, topology))


def _how_far(guest: Guest, ratio: float, topology: Topology) -> str:
    nodes = nodes_of(guest, topology)
    if len(nodes) == 1:
        return f"{ratio:.0%} of its memory is on node {format_cpulist(nodes)}"
    whose = "of their cell's memory" if guest.cells else "of its memory"
    return f"its vCPUs, on nodes {format_cpulist(nodes)}, have {ratio:.0%} {whose} on their own node"


def _on_shared_cores(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    for core, names in sorted(shared_cores(guests, topology).items(), key=lambda item: min(item[0])):
        detail = f"hyperthreads {format_cpulist(core)} of one core"
        yield Finding(Problem.SHARED_CORE, tuple(sorted(names)), core, detail)


def _on_the_same_cpu(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    for one, other in combinations(guests, 2):
        both = pinned(one, topology) & pinned(other, topology)
        if both:
            detail = f"both are pinned to CPU {format_cpulist(both)}"
            yield Finding(Problem.SHARED_CPU, (one.name, other.name), both, detail)


def _over_pinned(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    owners = {cpu: guest.name for guest in guests for cpu in pinned(guest, topology)}
    for guest in guests:
        floats = {cpu for vcpu in guest.vcpus if len(vcpu.affinity) > 1 for cpu in vcpu.affinity}
        over = frozenset(cpu for cpu in floats & owners.keys() if owners[cpu] != guest.name)
        if over:
            whose = sorted({owners[cpu] for cpu in over})
            cpus = f"CPU {min(over)} belongs" if len(over) == 1 else f"CPUs {format_cpulist(over)} belong"
            detail = f"{cpus} to {', '.join(whose)}"
            yield Finding(Problem.OVER_PINNED, (guest.name, *whose), over, detail)


def _on_reserved(
    guests: tuple[Guest, ...], topology: Topology, reserved: frozenset[int]
) -> Iterator[Finding]:
    for guest in guests:
        allowed = frozenset(cpu for vcpu in guest.vcpus for cpu in vcpu.affinity) & topology.cpus.keys()
        if allowed & reserved:
            detail = f"affinity {format_cpulist(allowed)} includes {format_cpulist(allowed & reserved)}"
            yield Finding(Problem.ON_RESERVED, (guest.name,), allowed & reserved, detail)
