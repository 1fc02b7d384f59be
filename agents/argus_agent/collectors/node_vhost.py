"""What the vhost threads of all guests use of the node's CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_vhost
from argus_agent.cycle import Deltas
from argus_agent.kernel.guests import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeVhost:
    """Keeps the CPU time of each thread, to say which share of a CPU it used."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield how many there are, what all use, and the busiest; the first cycle knows no shares."""
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.host.monotonic())
        threads = [
            (process.guest.uuid, thread)
            for process in cycle.running()
            for thread in process.threads
            if thread.role is Role.VHOST
        ]
        yield node_vhost.THREADS.sample(len(threads))
        grown = [self._deltas.grown((uuid, thread.tid), thread.cpu_seconds) for uuid, thread in threads]
        known = [each / elapsed for each in grown if each is not None and elapsed]
        if known:
            yield node_vhost.CPUS.sample(sum(known))
            yield node_vhost.BUSIEST.sample(min(1.0, max(known)))
