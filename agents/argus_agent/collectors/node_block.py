"""Block devices of the node, from /sys/block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_block import SCHEDULER, STAT
from argus_agent.cycle import Cycle, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample


class NodeBlock:
    """Disks only: loop, ram and device-mapper devices are views of them, without a device of their own."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the scheduler and counters by device."""
        base = cycle.host.sysfs / "block"
        if not base.is_dir():
            raise NoData(f"{base} does not exist")
        for disk in sorted(base.iterdir()):
            if (disk / "device").exists():
                yield from _of_disk(disk)


def _of_disk(disk: Path) -> Iterator[Sample]:
    try:
        words = (disk / "queue/scheduler").read_text().split()
        fields = (disk / "stat").read_text().split()
    except FileNotFoundError:  # unplugged since it was listed
        return
    if words:
        chosen = next((word.strip("[]") for word in words if word.startswith("[")), words[0])
        yield SCHEDULER.sample(chosen, disk.name)
    for number, (metric, scale) in STAT.items():
        if number < len(fields):
            yield metric.sample(int(fields[number]) * scale, disk.name)
