"""Where each guest's memory is and how much of it is local to its vCPUs, from /proc/PID/numa_maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_numa import BYTES, LOCAL_RATIO, SPANNED
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.guests import GuestProcess, Role
from argus_agent.kernel.process import parse_numa_maps
from argus_agent.kernel.slow import InTurn
from argus_agent.kernel.topology import Topology, read_topology
from argus_agent.placement import Guest, Vcpu, local_ratio, nodes_spanned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample


class GuestNuma:
    """Memory by node, and its locality by where the vCPUs ran last."""

    stats = None

    def __init__(self) -> None:
        self._maps = InTurn("numa_maps", parse_numa_maps)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes by guest and NUMA node, nodes spanned and the local ratio."""
        topology = read_topology(cycle.host.sysfs)
        if not topology.nodes:
            raise NoData("kernel without CONFIG_NUMA")
        processes = {process.guest.uuid: process for process in cycle.running()}
        pids = {uuid: process.guest.pid for uuid, process in processes.items()}
        for uuid, memory in self._maps.renew(cycle.host.procfs, pids).items():
            yield from _of_guest(processes[uuid], memory, topology)


def _of_guest(process: GuestProcess, memory: Mapping[int, int], topology: Topology) -> Iterator[Sample]:
    uuid = process.guest.uuid
    for node, size in memory.items():
        yield BYTES.sample(size, uuid, str(node))
    running = [thread.stat.processor for thread in process.threads if thread.role is Role.VCPU]
    vcpus = tuple(Vcpu(number, cpu, frozenset()) for number, cpu in enumerate(running))
    guest = Guest(process.guest.name, uuid, vcpus, memory)
    spanned, local = nodes_spanned(guest), local_ratio(guest, topology)
    if spanned is not None:
        yield SPANNED.sample(spanned, uuid)
    if local is not None:
        yield LOCAL_RATIO.sample(local, uuid)
