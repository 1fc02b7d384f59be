"""Ways to multipath disks, from sysfs, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_multipath as names
from argus_agent.cycle import NoData
from argus_agent.kernel.disks import read_disks
from argus_agent.kernel.multipath import read_maps, read_subsystems
from argus_agent.reading import looking
from argus_agent.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.multipath import Device

LONGEST = 250  # characters: what Zabbix keeps of a text item is 255


class NodeMultipath:
    """Of the node as a whole: each volume of a guest may be a map, and there are hundreds."""

    stats = None

    def __init__(self) -> None:
        self._turn = Seldom(_read)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield how many disks and ways there are and fail, and which."""
        yield from self._turn.collect(cycle)


def _read(cycle: Cycle) -> Iterator[Sample]:
    block = cycle.host.sysfs / "block"
    look = looking(cycle)
    maps = read_maps(block, read_disks(block, look), look)
    devices = [*maps, *read_subsystems(cycle.host.sysfs / "class/nvme-subsystem", look)]
    if not devices:
        raise NoData("no disk has several paths")
    lost = [device for device in devices if device.lost]
    degraded = [device for device in devices if device.bad and not device.lost]
    yield names.DEVICES.sample(len(devices))
    yield names.PATHS.sample(sum(len(device.paths) for device in devices))
    yield names.PATHS_FAILED.sample(sum(len(device.bad) for device in devices))
    yield names.DEGRADED.sample(len(degraded))
    yield names.LOST.sample(len(lost))
    if lost or degraded:
        yield names.AFFECTED.sample(described([*lost, *degraded]))


def described(devices: Iterable[Device]) -> str:
    """Name the disks and what failed of them, those that were lost first, in what fits an item."""
    text = ", ".join(_one(device) for device in devices)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _one(device: Device) -> str:
    ways = [f"{name} {state}" for name, state in device.bad.items()]
    if not device.paths:
        ways = ["no path"]
    elif device.closed:
        ways.append("no path is open")
    return f"{device.name} ({', '.join(ways)})"
