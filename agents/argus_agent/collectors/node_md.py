"""Software RAID of the node, from /sys/block/md*/md, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import node_md as names
from argus_agent.cycle import NoData
from argus_agent.kernel.md import read_array
from argus_agent.reading import looking
from argus_agent.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.md import Array


class NodeMd:
    """Arrays, not the containers that hold the disks of several."""

    stats = None

    def __init__(self) -> None:
        self._turn = Seldom(_read)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield health and progress by array."""
        yield from self._turn.collect(cycle)


def _read(cycle: Cycle) -> Iterator[Sample]:
    block = cycle.host.sysfs / "block"
    try:
        arrays = sorted(folder.name for folder in block.iterdir() if folder.name.startswith("md"))
    except FileNotFoundError as error:
        raise NoData(f"{block} does not exist") from error
    look = looking(cycle)
    for name in arrays:
        array = read_array(f"{block}/{name}/md", look)
        if array is not None:
            yield from _of_array(array, name)


def _of_array(array: Array, name: str) -> Iterator[Sample]:
    yield names.STATE.sample(names.STATES.get(array.state, names.UNKNOWN), name)
    if array.level:
        yield names.LEVEL.sample(array.level, name)
    if array.action:
        yield names.ACTION.sample(names.ACTIONS.get(array.action, names.UNKNOWN), name)
    numbers = {
        names.DISKS: array.disks,
        names.DEGRADED: array.degraded,
        names.FAILED: array.failed,
        names.SPARES: array.spares,
        names.DONE: array.done,
        names.SPEED: array.speed,
        names.MISMATCHES: array.mismatches,
    }
    for metric, value in numbers.items():
        if value is not None:
            yield metric.sample(value, name)
