"""Network interfaces of the node, from /sys/class/net."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from argus.catalogue.node_nic import LINK, SPEED, STATISTICS, USED
from argus_agent.cycle import Cycle, Deltas, NoData
from argus_agent.derived import largest, quotient
from argus_agent.kernel.netdev import is_of_node
from argus_agent.reading import DRIVER_DECLINES, read_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample

MEGABIT = 125_000  # bytes
UNKNOWN_SPEEDS = frozenset({65_535, 4_294_967_295})
"""-1 of drivers that keep it without a sign, in Mbit/s: SPEED_UNKNOWN of ethtool."""
LOOK_AGAIN_SECONDS = 60.0


class NodeNic:
    """Devices, bonds and teams: taps, bridges and representors show the same packets again."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._names: list[str] = []
        self._own: list[Path] = []
        self._looked_at = -math.inf

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield link, speed, counters and the share of the speed in use, by interface."""
        base = cycle.host.sysfs / "class/net"
        if not base.is_dir():
            raise NoData(f"{base} does not exist")
        self._deltas.turn(cycle)
        for folder in self._of_node(base, cycle.host.monotonic()):
            yield from self._nic(cycle, str(folder), folder.name)

    def _of_node(self, base: Path, now: float) -> list[Path]:
        """The node's own among what may be hundreds of taps and ports; looked through when others come."""
        names = sorted(path.name for path in base.iterdir())
        if names != self._names or now - self._looked_at >= LOOK_AGAIN_SECONDS:
            self._names, self._looked_at = names, now
            self._own = [base / name for name in names if is_of_node(base / name)]
        return self._own

    def _nic(self, cycle: Cycle, folder: str, name: str) -> Iterator[Sample]:
        link = read_number(cycle, f"{folder}/carrier", DRIVER_DECLINES)  # EINVAL while it is down
        if link is not None:
            yield LINK.sample(link, name)
        used = []
        for file, metric in STATISTICS.items():
            value = read_number(cycle, f"{folder}/statistics/{file}")
            if value is None:
                continue
            yield metric.sample(value, name)
            if file.endswith("_bytes"):
                used.append((file, self._deltas.grown((name, file), value)))
        speed = _speed(cycle, folder)
        if speed is None:
            return
        yield SPEED.sample(speed, name)
        busier = largest(quotient(way, grown.by, grown.seconds * speed) for way, grown in used if grown)
        if busier is not None:
            yield USED.sample(busier, name)


def _speed(cycle: Cycle, folder: str) -> int | None:
    """Bytes per second; ``None`` without a link, and for virtual ones that have no speed."""
    speed = read_number(cycle, f"{folder}/speed", DRIVER_DECLINES)
    return None if speed is None or speed <= 0 or speed in UNKNOWN_SPEEDS else speed * MEGABIT
