"""Block devices of the node, from /sys/block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from argus.catalogue.node_block import SCHEDULER, STAT
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.numbers import integers
from argus_agent.reading import DRIVER_DECLINES, read_number, read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample


class NodeBlock:
    """Disks only: loop, ram and device-mapper devices are views of them, without a device of their own.

    Hidden ones are paths of an NVMe disk that is told as a whole.
    """

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the scheduler and counters by device."""
        base = cycle.host.sysfs / "block"
        if not base.is_dir():
            raise NoData(f"{base} does not exist")
        for disk in sorted(base.iterdir()):
            if (disk / "device").exists() and not read_number(cycle, disk / "hidden"):
                yield from _of_disk(cycle, disk)


def _of_disk(cycle: Cycle, disk: Path) -> Iterator[Sample]:
    # Since Linux 6.7 a disk that makes requests of its own (NVMe multipath) has no scheduler.
    chosen = read_parsed(cycle, disk / "queue/scheduler", parse_scheduler, DRIVER_DECLINES)
    if chosen:
        yield SCHEDULER.sample(chosen, disk.name)
    fields = integers((read_text(cycle, disk / "stat", DRIVER_DECLINES) or "").split())
    for number, (metric, scale) in STAT.items():
        value = fields[number] if number < len(fields) else None
        if value is not None:
            yield metric.sample(value * scale, disk.name)


def parse_scheduler(text: str) -> str:
    """Return the word in brackets of ``none [mq-deadline]``, or the only one; empty where there is none.

    Raises ``ValueError`` when none of several is marked.
    """
    words = text.split()
    marked = re.search(r"\[([^\[\]\s]+)\]", text)
    if marked:
        return marked[1]
    if len(words) > 1:
        raise ValueError(f"{text.strip()[:80]!r} marks none of its words with []")
    return words[0] if words else ""
