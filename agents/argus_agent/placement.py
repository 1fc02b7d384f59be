"""Who runs where, and what is wrong with it: pure, from the topology and what the kernel says of guests."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import format_cpulist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus_agent.kernel.topology import Topology

SIGNIFICANT_SHARE = 0.01
"""A node with less of a guest's memory than this does not hold it: shared libraries end up anywhere."""

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


@dataclass(frozen=True, slots=True)
class Vcpu:
    """One vCPU thread: the CPU it ran on last, and the CPUs it may run on."""

    number: int
    processor: int
    affinity: frozenset[int]


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest and its threads; ``memory`` is bytes by NUMA node, ``None`` where the kernel did not tell."""

    name: str
    uuid: str
    vcpus: tuple[Vcpu, ...]
    memory: Mapping[int, int] | None = None


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
    """Return the share of the guest's memory on the nodes its vCPUs run on; ``None`` when that is unknown."""
    nodes = nodes_of(guest, topology)
    total = sum(guest.memory.values()) if guest.memory else 0
    if not nodes or not total or guest.memory is None:
        return None
    return sum(size for node, size in guest.memory.items() if node in nodes) / total


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
        nodes = nodes_of(guest, topology)
        if len(nodes) > 1:
            cpus = frozenset(vcpu.processor for vcpu in guest.vcpus)
            detail = f"vCPUs on nodes {format_cpulist(nodes)}"
            yield Finding(Problem.SPANS_NODES, (guest.name,), cpus, detail)


def _away_from_memory(guests: tuple[Guest, ...], topology: Topology) -> Iterator[Finding]:
    for guest in guests:
        ratio = local_ratio(guest, topology)
        if ratio is not None and ratio < LOCAL_ENOUGH:
            cpus = frozenset(vcpu.processor for vcpu in guest.vcpus)
            detail = f"{ratio:.0%} of its memory is on node {format_cpulist(nodes_of(guest, topology))}"
            yield Finding(Problem.REMOTE_MEMORY, (guest.name,), cpus, detail)


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
