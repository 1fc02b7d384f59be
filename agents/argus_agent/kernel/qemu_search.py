"""Finds a guest's QEMU, also when the number in libvirt's status file is not its process here.

A libvirtd in a container with a PID namespace of its own writes numbers of that namespace.  libvirt gives
QEMU the guest's UUID as ``-uuid``, and the kernel both numbers as ``NSpid`` (pid_namespaces(7)).
"""

from __future__ import annotations

import logging
import os

from argus_agent.kernel.files import is_absence, read, read_record
from argus_agent.kernel.numbers import count
from argus_agent.kernel.process import Stat, parse_stat, status_field

log = logging.getLogger(__name__)

DEAD = "ZX"
"""States of a process that ended and was not waited for yet: it holds nothing and runs nothing."""

AGAIN = 20
"""Searches after which all processes are looked at anew: one may have been seen before it became QEMU."""

_KTHREADD = (2, "kthreadd")
"""The parent of all kernel threads: visible in the machine's first PID namespace only, without hidepid=2."""


class QemuSearch:
    """Remembers the UUID on the command line of every process, so that each is read once, when it must be."""

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self._pids: frozenset[int] = frozenset()
        self._looked = False  # in this round
        self._searches = 0
        self._uuids: dict[int, str | None] = {}
        self._refused: dict[int, OSError] = {}
        self._same_numbers = False  # libvirt's process IDs are ours: a guest was found by its own

    def begin(self, pids: frozenset[int]) -> None:
        """Begin a round, with all processes that there are."""
        self._pids, self._looked = pids, False

    def find(self, uuid: str, number: int) -> tuple[int, Stat] | None:
        """Return the process of a guest that is ``number`` for libvirt; ``None`` when the guest has ended.

        The number is another process when libvirtd was not there to remove the record of a guest that ended,
        or when libvirt has process IDs of its own.  Raises ``OSError`` or ``ValueError`` when that cannot be
        told apart.
        """
        refused: OSError | ValueError | None = None
        occupied = False
        try:
            stat = self.stat(number)
            occupied = stat is not None and stat.state not in DEAD
            if stat is not None and occupied and self._is_of(number, uuid):
                self._same_numbers = True
                return number, stat
        except (OSError, ValueError) as error:  # perhaps somebody else's process
            refused = error
        pid = self._elsewhere(uuid, number)
        stat = self.stat(pid) if pid is not None else None
        if pid is not None and stat is not None and stat.state not in DEAD:
            return pid, stat
        if refused is not None:
            raise refused
        self._explain(uuid, number, occupied=occupied)
        return None

    def stat(self, pid: int) -> Stat | None:
        """Return a process's ``stat``; ``None`` when it ended.  Raises ``OSError`` or ``ValueError``."""
        try:
            return parse_stat(read_record(f"{self._procfs}/{pid}/stat"))
        except (FileNotFoundError, ProcessLookupError):
            return None

    def _explain(self, uuid: str, number: int, *, occupied: bool) -> None:
        """Return when the guest has ended.  Raises ``ValueError`` when it may as well run unseen."""
        what = f"process {number} of libvirt's status file is {'not its QEMU' if occupied else 'not here'}"
        log.debug("guest %s: %s", uuid, what)
        if self._same_numbers:
            return
        why = self._blindness()
        if why or occupied:
            why = why or "libvirt may have process IDs of its own, as in a container"
            raise ValueError(f"{what}, and no other process is: {why}")

    def _is_of(self, pid: int, uuid: str) -> bool:
        """Whether the process has the guest's UUID on its command line, where libvirt always puts it."""
        try:
            return uuid in read(f"{self._procfs}/{pid}/cmdline")
        except FileNotFoundError:  # not recorded
            return True

    def _elsewhere(self, uuid: str, number: int) -> int | None:
        """Return the one process with the UUID; of several, the one that is ``number`` inside."""
        if not self._looked:
            self._look()
            self._looked = True
        found = [pid for pid, known in self._uuids.items() if known == uuid]
        if len(found) > 1:
            found = [pid for pid in found if self._inner_number(pid) == number]
        return found[0] if len(found) == 1 else None

    def _look(self) -> None:
        """Read the command lines of processes that are new."""
        self._searches += 1
        again = self._searches % AGAIN == 0
        there = self._pids
        self._uuids = {pid: uuid for pid, uuid in self._uuids.items() if pid in there and (uuid or not again)}
        self._refused = {pid: why for pid, why in self._refused.items() if pid in there and not again}
        for pid in there - self._uuids.keys() - self._refused.keys():
            try:
                self._uuids[pid] = uuid_of(read(f"{self._procfs}/{pid}/cmdline"))
            except OSError as error:
                if is_absence(error):
                    self._uuids[pid] = None
                else:
                    self._refused[pid] = error

    def _blindness(self) -> str:
        """Return why a process may be there and yet not be found; empty when every one was looked at."""
        if os.path.lexists(f"{self._procfs}/self") and not self._sees_all():
            return "processes are hidden from this agent (it is in a PID namespace, or /proc has hidepid)"
        if self._refused:
            example = next(iter(self._refused.values()))
            return f"{len(self._refused)} processes may not be looked at, such as {example}"
        return ""

    def _sees_all(self) -> bool:
        pid, comm = _KTHREADD
        try:
            return read(f"{self._procfs}/{pid}/comm").strip() == comm
        except OSError:
            return False

    def _inner_number(self, pid: int) -> int | None:
        try:
            numbers = status_field(read(f"{self._procfs}/{pid}/status"), "NSpid") or ""
        except OSError:  # it ended
            return None
        last = numbers.split()[-1:]
        return count(last[0]) if last else None


def uuid_of(cmdline: str) -> str | None:
    """Return what follows ``-uuid`` on a command line, as ``/proc/PID/cmdline`` has it."""
    words = cmdline.split("\0")
    if "-uuid" not in words:
        return None
    return "".join(words[words.index("-uuid") + 1 :][:1]) or None
