"""Pressure stall information of each guest, from its control group (version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_pressure import STALLED
from argus_agent.kernel.cgroup import UNIFIED, directory
from argus_agent.kernel.files import read
from argus_agent.kernel.pressure import parse_pressure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

_RESOURCES = sorted({resource for resource, _ in STALLED})


class GuestPressure:
    """Works beside version 1 too, as long as libvirt keeps the guest in the unified hierarchy."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield seconds stalled by guest, resource and kind."""
        for process in cycle.running():
            folder = directory(cycle.host.cgroupfs, UNIFIED, process.cgroups)
            if folder is not None:
                yield from _of_guest(folder, process.guest.uuid)


def _of_guest(folder: str, uuid: str) -> Iterator[Sample]:
    for resource in _RESOURCES:
        try:
            text = read(f"{folder}/{resource}.pressure")
        except OSError:  # without PSI the file is missing, or refuses to be read with EOPNOTSUPP
            continue
        for kind, seconds in parse_pressure(text).items():
            yield STALLED[resource, kind].sample(seconds, uuid)
