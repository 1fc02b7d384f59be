"""What the vhost threads of all guests use of the node's CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_vhost
from argus_agent.cycle import Deltas
from argus_agent.derived import Derived, Part, largest, quotient
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
        self._deltas.turn(cycle)
        threads = [
            ((process.guest.uuid, thread.tid), thread.cpu_seconds, process.read_at)
            for process in cycle.running()
            for thread in process.threads
            if thread.role is Role.VHOST
        ]
        yield node_vhost.THREADS.sample(len(threads))
        passed = self._deltas.grown("clock", cycle.host.monotonic())
        grown = [(of, self._deltas.grown(of, spent, at)) for of, spent, at in threads]
        busy = [quotient(of, each.by, each.seconds, most=1.0) for of, each in grown if each is not None]
        busiest = largest(busy)
        if busiest is None or passed is None:
            return
        together = sum(part.numerator / part.denominator for part in busiest.parts)
        yield node_vhost.CPUS.sample(Derived((Part("", together * passed.by, passed.by),)))
        yield node_vhost.BUSIEST.sample(busiest)
