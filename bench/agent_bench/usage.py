"""CPU time and memory of other processes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, all threads, to the nanosecond; 0 for one that is gone.

    The clock that clock_getcpuclockid(3) names; utime and stime in /proc count whole ticks of 10 ms.
    """
    try:
        return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def peak_rss(pid: int) -> int:
    """Most bytes that the process ever had in memory (VmHWM of proc(5))."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU: of the collector, of libvirtd, of all QEMUs together."""

    own: float
    libvirtd: float
    qemu: float

    @classmethod
    def now(cls, own: int | None, libvirtd: int, qemu: Iterable[int]) -> Usage:
        return cls(
            cpu_seconds(own) if own is not None else 0.0, cpu_seconds(libvirtd), sum(map(cpu_seconds, qemu))
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.own - other.own, self.libvirtd - other.libvirtd, self.qemu - other.qemu)

    def scaled(self, factor: float) -> Usage:
        return Usage(self.own * factor, self.libvirtd * factor, self.qemu * factor)
