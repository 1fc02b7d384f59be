"""How guests share cores and NUMA nodes, from the kernel alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import placement as names
from argus_agent.in_turn import TWO_MINUTES, InTurn
from argus_agent.kernel.cpulist import format_cpulist
from argus_agent.placement import parts_across_nodes, pinned, shared_cores
from argus_agent.placement_source import make_guest, read_affinities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.domstatus import RunningGuest
    from argus_agent.kernel.guests import GuestProcess
    from argus_agent.kernel.topology import Topology
    from argus_agent.placement import Guest


class _Seen(NamedTuple):
    """A guest, and what it was made of: libvirt's record, affinities, number and CPU of each thread."""

    record: RunningGuest
    affinities: Mapping[int, frozenset[int]]
    where: list[tuple[int | None, int | None]]
    guest: Guest


class Placement:
    """Where vCPUs run changes by the millisecond: what is told is a sample, to be averaged over time."""

    stats = None

    def __init__(self) -> None:
        self._turn = InTurn(_affinities, TWO_MINUTES)
        self._before: dict[str, _Seen] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counts of cores, CPUs and guests."""
        topology = cycle.topology()
        before, self._before = self._before, {}
        for process, kept in self._turn.renew(cycle):
            affinities, told = kept.value or ({}, ())
            self._before[process.guest.uuid] = _seen(process, affinities, before.get(process.guest.uuid))
            yield from told
        guests = [seen.guest for seen in self._before.values()]
        yield from _cores(guests, topology)
        if not cycle.unread:  # else the sums would lack guests
            yield from _pinning(guests, topology)
            reserved = cycle.allocation.reserved_cpus
            yield names.ON_RESERVED.sample(sum(bool(_allowed(guest) & reserved) for guest in guests))
        yield names.ACROSS_NODES.sample(sum(bool(parts_across_nodes(guest, topology)) for guest in guests))
        yield from _where(guests, topology)


def _seen(process: GuestProcess, affinities: Mapping[int, frozenset[int]], before: _Seen | None) -> _Seen:
    """Make the guest, unless no vCPU moved: most of an idle node's have not since the cycle before."""
    where = [(thread.vcpu, thread.processor) for thread in process.threads]
    if (
        before is not None
        and before.record is process.guest
        and before.affinities is affinities
        and before.where == where
    ):
        return before
    return _Seen(process.guest, affinities, where, make_guest(process, affinities))


def _affinities(
    cycle: Cycle, process: GuestProcess
) -> tuple[Mapping[int, frozenset[int]], tuple[Sample, ...]]:
    affinities = read_affinities(cycle.host.procfs, process)
    told = (
        names.AFFINITY.sample(format_cpulist(cpus), process.guest.uuid, str(vcpu))._replace(at=cycle.at)
        for vcpu, cpus in affinities.items()
    )
    return affinities, tuple(told)


def _where(guests: Sequence[Guest], topology: Topology) -> Iterator[Sample]:
    homes = {number: cpu.node for number, cpu in topology.cpus.items()}
    on_node = Counter(homes.get(vcpu.processor) for guest in guests for vcpu in guest.vcpus)
    for node in topology.nodes:
        yield names.VCPUS_ON_NODE.sample(on_node[node], str(node))
    for guest in guests:
        for vcpu in guest.vcpus:
            yield names.PROCESSOR.sample(vcpu.processor, guest.uuid, str(vcpu.number))


def _cores(guests: Sequence[Guest], topology: Topology) -> Iterator[Sample]:
    shared = len(shared_cores(guests, topology))
    used = {
        topology.cpus[vcpu.processor].siblings
        for guest in guests
        for vcpu in guest.vcpus
        if vcpu.processor in topology.cpus
    }
    yield names.SHARED_CORES.sample(shared)
    if used:
        yield names.SHARED_RATIO.sample(shared / len(used))


def _pinning(guests: Sequence[Guest], topology: Topology) -> Iterator[Sample]:
    owners = Counter(cpu for guest in guests for cpu in pinned(guest, topology))
    yield names.PINNED_TWICE.sample(sum(count > 1 for count in owners.values()))
    floating = {cpu for guest in guests for v in guest.vcpus if len(v.affinity) > 1 for cpu in v.affinity}
    yield names.FLOATING_OVER_PINNED.sample(len(owners.keys() & floating))


def _allowed(guest: Guest) -> frozenset[int]:
    return frozenset(cpu for vcpu in guest.vcpus for cpu in vcpu.affinity)
