"""Which processes there are, and which of them are vhost's kernel threads, by the QEMU that each serves.

Kernels before 6.4 have such threads; since then vhost's threads are tasks of QEMU.
"""

from __future__ import annotations

import logging
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING

from argus_agent.kernel.files import is_absence, listed, read
from argus_agent.kernel.numbers import count

if TYPE_CHECKING:
    from argus_agent.kernel.domstatus import RunningGuest

log = logging.getLogger(__name__)

LIST_EVERY = 4
"""Readings in which all processes are listed once, where nothing has changed."""

Workers = dict[int, tuple[int, ...]]
"""Process IDs of workers by that of the QEMU."""


class VhostWorkers:
    """Looks at each process once, when it is new: there are hundreds, and they do not change sides."""

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self.pids: frozenset[int] = frozenset()
        """All processes, as they were listed last."""
        self._before: tuple[list[RunningGuest], int, int] = ([], 0, 0)  # and links and time of /proc
        self._unlisted = 0  # readings since processes were listed
        self._owners: dict[int, int | None] = {}  # of every process seen: whose worker it is
        self._refused = False  # something could not be looked at, which was logged

    def known(self) -> Workers:
        """Return the workers as of the last look."""
        workers: Workers = {}
        for pid, owner in self._owners.items():
            if owner is not None:
                workers[owner] = (*workers.get(owner, ()), pid)
        return workers

    def look(self, running: list[RunningGuest]) -> Workers:
        """Return the workers, looked for where something may have changed.

        Where there are none, and as many processes as before (/proc has two links more than processes), they
        are looked for when libvirt wrote a record, as it does for each new NIC, and now and then.  What this
        user may not list or read costs the workers alone.
        """
        proc = Path(self._procfs).stat()
        before, self._before = self._before, ([*running], proc.st_nlink, proc.st_mtime_ns)
        self._unlisted += 1
        same = before[1:] == self._before[1:] and _same(before[0], running)
        if same and self._unlisted < LIST_EVERY and not any(self._owners.values()):
            return {}
        self._unlisted = 0
        try:
            self.pids = frozenset(map(int, filter(str.isdecimal, listed(self._procfs))))
        except OSError as error:
            self._warn(error)
        known = {pid: owner for pid, owner in self._owners.items() if pid in self.pids}
        for pid in self.pids - known.keys():
            known[pid] = self._owner(pid)
        self._owners = known
        return self.known()

    def _owner(self, pid: int) -> int | None:
        try:
            comm = read(f"{self._procfs}/{pid}/comm").strip()
        except OSError as error:
            if not is_absence(error):
                self._warn(error)
            return None
        owner = comm.removeprefix("vhost-")
        return count(owner) if owner != comm else None

    def _warn(self, error: OSError) -> None:
        if not self._refused:
            self._refused = True
            log.warning("some processes may not be looked at, vhost threads may be missing: %s", error)


def _same(some: list[RunningGuest], others: list[RunningGuest]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
