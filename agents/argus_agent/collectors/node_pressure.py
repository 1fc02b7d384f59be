"""Pressure stall information of the node, from /proc/pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_pressure import STALLED
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.pressure import parse_pressure
from argus_agent.reading import read_parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample

RESOURCES = sorted({resource for resource, _ in STALLED})


class NodePressure:
    """Kernel 4.20 or later with CONFIG_PSI; ``irq`` since 6.1."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds stalled by resource and kind."""
        folder = cycle.host.procfs / "pressure"
        found = {
            (resource, kind): seconds
            for resource in RESOURCES
            for kind, seconds in (read_parsed(cycle, folder / resource, parse_pressure) or {}).items()
        }
        if not found and not cycle.unread_files:
            raise NoData("kernel without CONFIG_PSI, or booted with psi=0")
        yield from (STALLED[key].sample(seconds) for key, seconds in found.items() if key in STALLED)
