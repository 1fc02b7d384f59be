"""Events of the node's memory management, from /proc/vmstat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_vmstat import FIELDS, STALLS
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeVmstat:
    """Fields that a kernel does not have give no sample."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield pages and events since boot."""
        counters = parse_counters(cycle.host.read_proc("vmstat"))
        for name, metric in FIELDS.items():
            if name in counters:
                yield metric.sample(counters[name])
        stalls = [value for name, value in counters.items() if name.startswith("allocstall")]
        if stalls:
            yield STALLS.sample(sum(stalls))
