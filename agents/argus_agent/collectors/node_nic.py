"""Network interfaces of the node, from /sys/class/net."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.node_nic import LINK, SPEED, STATISTICS, USED
from argus_agent.cycle import Cycle, Deltas, NoData
from argus_agent.kernel.files import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample

MEGABIT = 125_000  # bytes


class NodeNic:
    """Devices and bonds: taps and bridges show the same packets again, virtual functions are guests'."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield link, speed, counters and the share of the speed in use, by interface."""
        base = cycle.host.sysfs / "class/net"
        if not base.is_dir():
            raise NoData(f"{base} does not exist")
        self._deltas.turn()
        elapsed = self._deltas.grown("elapsed", cycle.host.monotonic())
        for folder in sorted(base.iterdir()):
            if _is_of_node(folder):
                yield from self._nic(str(folder), folder.name, elapsed)

    def _nic(self, folder: str, name: str, elapsed: float | None) -> Iterator[Sample]:
        with suppress(OSError):  # an interface that is down refuses to tell, with EINVAL
            yield LINK.sample(int(read(f"{folder}/carrier")), name)
        grown = []
        for file, metric in STATISTICS.items():
            with suppress(FileNotFoundError):  # unplugged since it was listed
                value = int(read(f"{folder}/statistics/{file}"))
                yield metric.sample(value, name)
                if file.endswith("_bytes"):
                    grown.append(self._deltas.grown((name, file), value))
        speed = _speed(folder)
        if speed is None:
            return
        yield SPEED.sample(speed, name)
        known = [growth for growth in grown if growth is not None]
        if known and elapsed:
            yield USED.sample(max(known) / elapsed / speed, name)


def _is_of_node(folder: Path) -> bool:
    if (folder / "bonding").exists():
        return True
    return (folder / "device").exists() and not (folder / "device/physfn").exists()


def _speed(folder: str) -> int | None:
    """Bytes per second; ``None`` without a link (-1 or EINVAL), and for virtual ones that have no speed."""
    try:
        speed = int(read(f"{folder}/speed"))
    except OSError:
        return None
    return speed * MEGABIT if speed > 0 else None
