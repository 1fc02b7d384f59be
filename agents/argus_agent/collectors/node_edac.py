"""Memory errors of the node, from sysfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Row
from argus.catalogue.node_edac import (
    CORRECTED,
    CORRECTED_UNPLACED,
    DIMM_CORRECTED,
    DIMM_LABEL,
    DIMM_UNCORRECTED,
    NAME,
    UNCORRECTED,
)
from argus_agent.cycle import NoData
from argus_agent.kernel.edac import Counts, controllers, read_counts, read_modules
from argus_agent.kernel.files import read

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

LOOK_AGAIN = 600.0  # seconds; a module counts no error that its controller does not
OF_CONTROLLER = (CORRECTED, UNCORRECTED, CORRECTED_UNPLACED)
OF_MODULE = (DIMM_CORRECTED, DIMM_UNCORRECTED, DIMM_LABEL)


class NodeEdac:
    """Modules are read when their controller counted another error: there are dozens, and few ever err."""

    stats = None

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Counts, float]] = {}  # of each controller, and until when that will do
        self._modules: dict[str, list[Row | Sample]] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield errors since boot by controller and module."""
        base = f"{cycle.host.sysfs}/devices/system/edac/mc"
        try:
            names = controllers(base)
        except FileNotFoundError:
            names = ()
        if not names:
            raise NoData("the kernel watches no memory controller: no ECC memory, or no EDAC driver for it")
        for name in names:
            counts = read_counts(f"{base}/{name}", cycle.unread_files)
            yield Row(OF_CONTROLLER, counts, (name,))
            yield from self._of_modules(cycle, f"{base}/{name}", name, counts)

    def _of_modules(self, cycle: Cycle, folder: str, name: str, counts: Counts) -> list[Row | Sample]:
        now = cycle.host.monotonic()
        seen = self._seen.get(name)
        if seen is None or seen[0] != counts or now >= seen[1]:
            before = len(cycle.unread_files)
            self._modules[name] = list(_modules(folder, name, cycle.unread_files))
            # What could not be read is looked at, and said, each time.
            self._seen[name] = counts, now + LOOK_AGAIN if len(cycle.unread_files) == before else now
        return self._modules[name]


def _modules(folder: str, controller: str, unread: MutableMapping[str, str]) -> Iterator[Row | Sample]:
    try:
        kind = read(f"{folder}/mc_name").strip()
    except OSError:  # a name is no figure: the counts say whether the controller can be read
        kind = ""
    if kind:
        yield NAME.sample(kind, controller)
    for module in read_modules(folder, unread):
        values = (module.counts.corrected, module.counts.uncorrected, module.label or None)
        yield Row(OF_MODULE, values, (controller, module.name))
