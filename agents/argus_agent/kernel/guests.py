"""The guests as the kernel sees them: libvirt's status files name their processes, /proc has the rest.

Answers when libvirtd does not.  A guest that ends while it is read is left out.
"""

from __future__ import annotations

import enum
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus_agent.kernel.cgroup import parse_membership
from argus_agent.kernel.domstatus import RunningGuest, parse_domstatus
from argus_agent.kernel.files import read
from argus_agent.kernel.process import Schedstat, Stat, parse_schedstat, parse_stat, parse_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_GONE = (FileNotFoundError, ProcessLookupError)
"""Errors of a process that ended: the entry vanished, or reading it gives ESRCH."""


class Role(enum.Enum):
    """What a thread of a guest does."""

    VCPU = "vcpu"
    EMULATOR = "emulator"
    IOTHREAD = "iothread"
    VHOST = "vhost"


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread that works for a guest; ``schedstat`` is ``None`` where the kernel keeps none."""

    tid: int
    role: Role
    stat: Stat
    schedstat: Schedstat | None


@dataclass(frozen=True, slots=True)
class GuestProcess:
    """A guest's QEMU: ``status`` and ``cgroups`` as texts by name."""

    guest: RunningGuest
    stat: Stat
    status: dict[str, str]
    cgroups: dict[str, str]
    threads: tuple[Thread, ...]


def role_of(comm: str) -> Role:
    """Return the role by the thread's name, as QEMU (``qemu_thread_naming``) and vhost give it.

    ``CPU 0/KVM`` and ``CPU 0/TCG``, ``IO iothread1``, ``vhost-4242``; all others are the emulator's.
    """
    if comm.startswith("CPU "):
        return Role.VCPU
    if comm.startswith("IO iothread"):
        return Role.IOTHREAD
    return Role.VHOST if comm.startswith("vhost-") else Role.EMULATOR


class KernelGuests:
    """Reads all guests below ``rundir`` (/run/libvirt/qemu) and ``procfs``."""

    def __init__(self, rundir: Path, procfs: Path) -> None:
        self._rundir = str(rundir)
        self._procfs = str(procfs)
        self._vhost_owner: dict[int, int | None] = {}  # of every process seen: whose vhost worker it is
        self._cgroups: dict[int, tuple[RunningGuest, dict[str, str]]] = {}  # by pid
        self._records: dict[str, tuple[tuple[int, int, int], RunningGuest | None]] = {}  # by name of the file

    def read(self) -> tuple[GuestProcess, ...]:
        """Return the guests that run.

        Raises ``FileNotFoundError`` when libvirt's run directory is not there: no guest was ever started.
        """
        workers = self._vhost_workers()
        found = (self._guest(guest, workers.get(guest.pid, ())) for guest in self._running())
        guests = tuple(guest for guest in found if guest is not None)
        self._cgroups = {guest.guest.pid: (guest.guest, guest.cgroups) for guest in guests}
        return guests

    def _running(self) -> Iterator[RunningGuest]:
        if not os.path.isdir(self._rundir):
            raise FileNotFoundError(f"{self._rundir}: libvirt keeps no status of running guests here")
        names = sorted(name for name in os.listdir(self._rundir) if name.endswith(".xml"))
        self._records = {name: self._records[name] for name in names if name in self._records}
        for name in names:
            try:
                guest = self._recorded(name)
            except (OSError, ValueError) as error:  # ended since it was listed; being written just now
                log.debug("%s/%s: %s", self._rundir, name, error)
                continue
            if guest is not None:
                yield guest

    def _recorded(self, name: str) -> RunningGuest | None:
        """Parse a status file unless it is the one of before: libvirt replaces it whole at each change."""
        path = f"{self._rundir}/{name}"
        stat = os.stat(path)
        identity = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._records.get(name)
        if known is None or known[0] != identity:
            known = self._records[name] = (identity, parse_domstatus(read(path)))
        return known[1]

    def _guest(self, guest: RunningGuest, workers: tuple[int, ...]) -> GuestProcess | None:
        base = f"{self._procfs}/{guest.pid}"
        try:
            return GuestProcess(
                guest,
                parse_stat(read(f"{base}/stat")),
                parse_status(read(f"{base}/status")),
                self._membership(guest, base),
                (*self._threads(base), *self._kernel_threads(workers)),
            )
        except (OSError, ValueError) as error:  # it ended, or this user may not look (hidepid)
            log.debug("guest %s, process %d: %s", guest.uuid, guest.pid, error)
            return None

    def _membership(self, guest: RunningGuest, base: str) -> dict[str, str]:
        """Read it again when libvirt wrote its record anew: it moves a guest only while it starts it."""
        known = self._cgroups.get(guest.pid)
        return known[1] if known and known[0] is guest else parse_membership(read(f"{base}/cgroup"))

    def _threads(self, base: str) -> Iterator[Thread]:
        for tid in sorted(os.listdir(f"{base}/task")):
            thread = _read_thread(f"{base}/task/{tid}", int(tid))
            if thread is not None:
                yield thread

    def _kernel_threads(self, workers: tuple[int, ...]) -> Iterator[Thread]:
        for pid in workers:
            thread = _read_thread(f"{self._procfs}/{pid}", pid)
            if thread is not None:
                yield thread

    def _vhost_workers(self) -> dict[int, tuple[int, ...]]:
        """Return vhost kernel threads by the QEMU they serve: what kernels before 6.4 have.

        Each process is looked at once, when it is new: there are hundreds, and they do not change sides.
        """
        pids = {int(name) for name in os.listdir(self._procfs) if name.isdecimal()}
        known = {pid: owner for pid, owner in self._vhost_owner.items() if pid in pids}
        for pid in pids - known.keys():
            known[pid] = self._owner(pid)
        self._vhost_owner = known
        workers: dict[int, tuple[int, ...]] = {}
        for pid, owner in known.items():
            if owner is not None:
                workers[owner] = (*workers.get(owner, ()), pid)
        return workers

    def _owner(self, pid: int) -> int | None:
        try:
            comm = read(f"{self._procfs}/{pid}/comm").strip()
        except _GONE:
            return None
        owner = comm.removeprefix("vhost-")
        return int(owner) if owner != comm and owner.isdecimal() else None


def _read_thread(folder: str, tid: int) -> Thread | None:
    try:
        stat = parse_stat(read(f"{folder}/stat"))
        return Thread(tid, role_of(stat.comm), stat, _read_schedstat(f"{folder}/schedstat"))
    except (*_GONE, ValueError):  # ended since it was listed
        return None


def _read_schedstat(path: str) -> Schedstat | None:
    try:
        return parse_schedstat(read(path))
    except FileNotFoundError:  # kernel without CONFIG_SCHED_INFO
        return None
