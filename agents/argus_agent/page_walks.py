"""Reads numa_maps and smaps_rollup of guests: one file at a time, seldom, in a thread of its own.

For each of them the kernel walks all page tables of the guest: 11 ms of CPU time for each GiB of 4 KiB pages,
while the guest's mmap() waits.  So they are read only where nothing else tells (pages of hugetlbfs, guests
without a control group of their own), and never of guests that hold much in small pages.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus_agent.kept import Kept, what_is_wrong
from argus_agent.kernel.files import read
from argus_agent.kernel.process import PAGE_BYTES, parse_rollup, read_numa_maps
from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess

NUMA_MAPS, SMAPS_ROLLUP = "numa_maps", "smaps_rollup"
PARSERS: Mapping[str, Callable[[str], Any]] = {NUMA_MAPS: read_numa_maps, SMAPS_ROLLUP: parse_rollup}
LARGEST_BYTES = 1 << 30
"""Of small pages: 11 ms of CPU time, and for the guest's mmap() to wait."""
RENEW_SECONDS = 600.0
"""What was read of a guest is good for so long."""
PAUSE_SECONDS = 3.0
"""From one file to the next."""
SHARE = 0.002
"""Of the time, at most: after a file that took 10 ms there are 5 s of rest."""
FORGET_SECONDS = 7200.0

_Key = tuple[str, int, int, str]  # UUID, pid, start of the process, file


@dataclass(slots=True)
class _Wanted:
    """A file of a guest; ``asked``: somebody wanted it since it was read last."""

    asked: bool
    asked_at: float
    kept: Kept[Any] | None = None


class PageWalks:
    """Keeps what each file said last.  ``largest`` bytes in small pages are walked at most; 0: none at all.

    Without ``thread``, ``step`` or ``read_asked`` has to be called.
    """

    def __init__(self, host: Host, largest: int = LARGEST_BYTES, *, thread: bool = True) -> None:
        self._host = host
        self.largest = largest
        self._threaded = thread
        self._started = False
        self._lock = threading.Lock()
        self._waiting = threading.Event()
        self._wanted: dict[_Key, _Wanted] = {}

    def of(self, process: GuestProcess, file: str) -> Kept[Any] | None:
        """Return what the file said last, ``None`` before its first turn, and have it read again.

        ``None`` as well for a guest that is too large to walk.
        """
        if process.stat.rss_pages * PAGE_BYTES > self.largest or not self.largest:
            return None
        key = (process.guest.uuid, process.guest.pid, process.stat.start_ticks, file)
        with self._lock:
            wanted = self._wanted.setdefault(key, _Wanted(asked=True, asked_at=0.0))
            wanted.asked, wanted.asked_at = True, self._host.monotonic()
        if self._threaded and not self._started:
            self._started = True
            THREADS.make("page-walks", self._run).start()
        self._waiting.set()
        return wanted.kept

    def read_asked(self, seconds: float) -> None:
        """Read what was asked for without a rest: for a person who waits, and for so long at most."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.step() is not None:
            pass

    def step(self) -> float | None:
        """Read the file whose turn it is; return the seconds to rest, or ``None`` when none was asked for."""
        key = self._next()
        if key is None:
            return None
        _, pid, _, file = key
        begun = self._host.monotonic()
        value, trouble = self._read(pid, file)
        ended = self._host.monotonic()
        with self._lock:
            self._wanted[key].kept = Kept(pid, self._host.clock(), ended, value, trouble)
        return max(PAUSE_SECONDS, (ended - begun) / SHARE)

    def _read(self, pid: int, file: str) -> tuple[Any, str]:
        try:
            return PARSERS[file](read(f"{self._host.procfs}/{pid}/{file}")), ""
        except (OSError, ValueError) as error:
            return None, what_is_wrong(error)

    def _next(self) -> _Key | None:
        """Who was never read comes first, then who was read longest ago."""
        now = self._host.monotonic()
        with self._lock:
            for key in [k for k, w in self._wanted.items() if now - w.asked_at > FORGET_SECONDS]:
                del self._wanted[key]
            asked = [
                k for k, w in self._wanted.items() if w.asked and now - self._last_read(k) >= RENEW_SECONDS
            ]
            chosen = min(asked, key=self._last_read, default=None)
            if chosen is not None:
                self._wanted[chosen].asked = False
            return chosen

    def _last_read(self, key: _Key) -> float:
        kept = self._wanted[key].kept
        return float("-inf") if kept is None else kept.read_at

    def _run(self) -> None:
        while True:
            pause = self.step()
            if pause is None:
                self._waiting.wait()
                self._waiting.clear()
            else:
                time.sleep(pause)
