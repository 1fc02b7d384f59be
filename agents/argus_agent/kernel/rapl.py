"""Energy meters of the processors, from /sys/class/powercap (intel-rapl, which AMD's have too).

https://docs.kernel.org/power/powercap/powercap.html, drivers/powercap/intel_rapl_common.c
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# intel-rapl-mmio:0 is the package of intel-rapl:0 by another door: counting it would count twice.
ZONE = re.compile(r"intel-rapl(?::[0-9]+)+")
_MICRO = 1e-6
_MOST_WATTS = (
    600.0  # no package draws more; a meter may have wrapped twice when it could have counted that long
)


class Zone(NamedTuple):
    """One meter: ``folder`` is the kernel's name, ``label`` says what it meters (``package-0/dram``)."""

    folder: str
    label: str

    @property
    def is_package(self) -> bool:
        """Whether it meters a whole processor (or a die of one), which is what guests run on."""
        return self.label.startswith("package-") and "/" not in self.label


def labelled(names: Iterable[tuple[str, str]]) -> tuple[Zone, ...]:
    """Return the zones for the kernel's folders and the names in them, the parent's name before a part's.

    Two with one label are told apart by their folders.
    """
    known = dict(names)
    found: dict[str, Zone] = {}
    for folder in sorted(known, key=_order):
        parent = known.get(folder.rpartition(":")[0])
        label = f"{parent}/{known[folder]}" if parent else known[folder]
        label = f"{label} ({folder})" if label in found else label
        found[label] = Zone(folder, label)
    return tuple(found.values())


def _order(folder: str) -> list[int]:
    return [int(number) for number in folder.split(":")[1:]]


class Meter:
    """Adds up one meter, which begins again at 0 when it is full: joules since the first reading."""

    def __init__(self) -> None:
        self.joules = 0.0
        self._last: tuple[int, float] | None = None  # microjoules, and when, on the monotonic clock

    def add(self, microjoules: int | None, full: int | None, now: float) -> float | None:
        """Add a reading; return how many joules were used since the one before.

        ``full`` is max_energy_range_uj.  ``None``: that is not known, as this or the last reading is missing,
        the meter began again and nobody says at what it was full, or it may have done so twice.
        """
        last, self._last = self._last, None if microjoules is None else (microjoules, now)
        if microjoules is None or last is None:
            return None
        grown = microjoules - last[0]
        if full and (now - last[1]) * _MOST_WATTS >= full * _MICRO:
            return None
        if grown < 0:
            if not full:
                return None
            grown += full
        if grown < 0:  # it was higher than it can be
            return None
        self.joules += grown * _MICRO
        return grown * _MICRO
