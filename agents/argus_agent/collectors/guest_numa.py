"""Where each guest's memory is and how much of it is local to its vCPUs.

From ``memory.numa_stat`` of its control group; from numa_maps where that does not tell all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import guest_data
from argus.catalogue.guest_numa import BYTES, LOCAL_RATIO, SPANNED
from argus_agent.cycle import Cycle, NoData
from argus_agent.in_turn import TWO_MINUTES, InTurn
from argus_agent.kernel.process import NumaMaps
from argus_agent.memory_source import numa_of_group
from argus_agent.page_walks import NUMA_MAPS
from argus_agent.placement import Guest, Vcpu, local_ratio, nodes_spanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.kernel.guests import GuestProcess
    from argus_agent.kernel.topology import Topology

NUMA_STAT = "numa_stat"


class _Told(NamedTuple):
    """What was told of a guest, and what it came from: the same as long as neither memory nor vCPUs moved."""

    memory: NumaMaps
    topology: Topology
    where: list[Vcpu]
    samples: tuple[Sample, ...]


class GuestNuma:
    """Memory by node, and its locality by where the vCPUs ran last."""

    stats = None

    def __init__(self) -> None:
        self._groups = InTurn(_of_group, TWO_MINUTES)
        self._before: dict[str, _Told] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes by guest and NUMA node, nodes spanned and the local ratio."""
        topology = cycle.topology()
        if not topology.nodes:
            raise NoData("kernel without CONFIG_NUMA")
        now = cycle.host.monotonic()
        before, self._before = self._before, {}
        for process, kept in self._groups.renew(cycle):
            memory, source, at, read_at = kept.value, NUMA_STAT, kept.at, kept.read_at
            if memory is None or not memory.by_node:
                walked = cycle.walked(process, NUMA_MAPS)
                if walked is None or walked.value is None or not walked.value.by_node:
                    continue
                memory, source, at, read_at = walked.value, NUMA_MAPS, walked.at, walked.read_at
            uuid, where = process.guest.uuid, _where(process)
            told = before.get(uuid)
            if told is None or not (
                told.memory is memory and told.topology is topology and told.where == where
            ):
                told = _Told(memory, topology, where, tuple(_of_guest(process, where, memory, at, topology)))
            self._before[uuid] = told
            yield from told.samples
            yield guest_data.AGE.sample(round(max(0.0, now - read_at), 3), process.guest.uuid, source)


def _of_group(cycle: Cycle, process: GuestProcess) -> NumaMaps:
    return NumaMaps(numa_of_group(cycle.host, process) or {}, {})


def _where(process: GuestProcess) -> list[Vcpu]:
    return [
        Vcpu(thread.vcpu, thread.processor, frozenset())
        for thread in process.threads
        if thread.processor is not None and thread.vcpu is not None
    ]


def _of_guest(
    process: GuestProcess, where: list[Vcpu], memory: NumaMaps, at: float, topology: Topology
) -> Iterator[Sample]:
    uuid = process.guest.uuid
    for node in sorted(topology.nodes.keys() | memory.by_node.keys()):
        yield BYTES.sample(memory.by_node.get(node, 0), uuid, str(node))._replace(at=at)
    guest = Guest(
        process.guest.name, uuid, tuple(where), memory.by_node, process.guest.cells, memory.by_cell or None
    )
    spanned, local = nodes_spanned(guest), local_ratio(guest, topology)
    if spanned is not None:
        yield SPANNED.sample(spanned, uuid)._replace(at=at)
    if local is not None:
        yield LOCAL_RATIO.sample(local, uuid)  # as of now: the vCPUs move faster than the memory
