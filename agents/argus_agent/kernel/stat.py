"""CPU time from /proc/stat, in clock ticks.  proc(5) has the columns.

guest and guest_nice are counted in user and nice as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from argus_agent.kernel.numbers import integers

if TYPE_CHECKING:
    from collections.abc import Mapping

TICKS = os.sysconf("SC_CLK_TCK")
COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
STEPS_BACK_SECONDS = 3.0
"""By how much the kernel may correct idle, iowait and steal of one CPU downwards.  A larger fall is another
set of CPUs (hot-plug)."""
ALL = -1
"""Stands for all CPUs together."""

Times = dict[str, int]
"""Clock ticks since boot by column, ``TICKS`` of them a second."""


def parse_cpu_times(text: str) -> dict[int, Times]:
    """Return the times of each CPU, and those of ``ALL``.

    Old kernels have fewer columns and new ones may have more; a word that is no number costs its column, a
    line that is none of a CPU is passed over.
    """
    found = {}
    for line in text.splitlines():
        if not line.startswith("cpu"):
            continue
        name, *words = line.split()
        number = ALL if name == "cpu" else int(name[3:]) if _is_number(name[3:]) else None
        times = {
            column: ticks
            for column, ticks in zip(COLUMNS, integers(words), strict=False)
            if ticks is not None and ticks >= 0
        }
        if number is not None and times:
            found[number] = times
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


class Steady:
    """Counters that the kernel lets step back a little (iowait, idle of tickless CPUs, steal), kept from it.

    A counter that falls looks like a reset to whoever computes rates.  One that falls by much is taken as it
    is: a CPU was taken out.
    """

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def of(self, key: str, times: Mapping[str, int], cpus: int) -> Times:
        """Return the times, none lower than before; ``cpus`` is how many are summed up in them."""
        return {column: self._one(f"{key} {column}", value, cpus) for column, value in times.items()}

    def _one(self, key: str, value: int, cpus: int) -> int:
        highest = self._highest.get(key, value)
        if highest - STEPS_BACK_SECONDS * TICKS * max(1, cpus) <= value < highest:
            return highest
        self._highest[key] = value
        return value
