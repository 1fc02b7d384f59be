"""Pressure stall information of the node, from /proc/pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_pressure import STALLED
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.pressure import parse_pressure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class NodePressure:
    """Kernel 4.20 or later with CONFIG_PSI; ``irq`` since 6.1."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds stalled by resource and kind."""
        folder = cycle.host.procfs / "pressure"
        if not folder.is_dir():
            raise NoData("kernel without CONFIG_PSI, or booted with psi=0")
        for path in sorted(folder.iterdir()):
            for kind, seconds in parse_pressure(path.read_text()).items():
                metric = STALLED.get((path.name, kind))
                if metric is not None:
                    yield metric.sample(seconds)
