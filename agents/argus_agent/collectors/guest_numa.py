"""Where each guest's memory is and how much of it is local to its vCPUs, from /proc/PID/numa_maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_data
from argus.catalogue.guest_numa import BYTES, LOCAL_RATIO, SPANNED
from argus_agent.cycle import Cycle, NoData
from argus_agent.in_turn import DEAR, InTurn
from argus_agent.kernel.files import read
from argus_agent.kernel.process import parse_numa_maps
from argus_agent.placement import Guest, Vcpu, local_ratio, nodes_spanned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.kernel.guests import GuestProcess
    from argus_agent.kernel.topology import Topology


class GuestNuma:
    """Memory by node, and its locality by where the vCPUs ran last."""

    stats = None

    def __init__(self) -> None:
        self._maps = InTurn(_memory, DEAR)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes by guest and NUMA node, nodes spanned and the local ratio."""
        topology = cycle.topology()
        if not topology.nodes:
            raise NoData("kernel without CONFIG_NUMA")
        now = cycle.host.monotonic()
        for process, kept in self._maps.renew(cycle):
            yield from _of_guest(process, kept.value or {}, kept.at, topology)
            yield guest_data.AGE.sample(max(0.0, now - kept.read_at), process.guest.uuid, "numa_maps")


def _memory(cycle: Cycle, process: GuestProcess) -> Mapping[int, int]:
    return parse_numa_maps(read(f"{cycle.host.procfs}/{process.guest.pid}/numa_maps"))


def _of_guest(
    process: GuestProcess, memory: Mapping[int, int], at: float, topology: Topology
) -> Iterator[Sample]:
    uuid = process.guest.uuid
    for node, size in memory.items():
        yield BYTES.sample(size, uuid, str(node))._replace(at=at)
    running = [thread.processor for thread in process.threads if thread.processor is not None]
    vcpus = tuple(Vcpu(number, cpu, frozenset()) for number, cpu in enumerate(running))
    guest = Guest(process.guest.name, uuid, vcpus, memory)
    spanned, local = nodes_spanned(guest), local_ratio(guest, topology)
    if spanned is not None:
        yield SPANNED.sample(spanned, uuid)._replace(at=at)
    if local is not None:
        yield LOCAL_RATIO.sample(local, uuid)  # as of now: the vCPUs move faster than the memory
