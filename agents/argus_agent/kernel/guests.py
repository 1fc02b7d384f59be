"""The guests as the kernel sees them: libvirt's status files name their processes, /proc has the rest.

Answers when libvirtd does not.  A guest that ends while it is read is left out.
"""

from __future__ import annotations

import enum
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.cgroup import directory, parse_membership
from argus_agent.kernel.domstatus import RunningGuest, parse_domstatus
from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.kept_files import KeptFiles
from argus_agent.kernel.process import Schedstat, Stat, parse_schedstat, parse_stat

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


class Thread(NamedTuple):
    """One thread that works for a guest: what it ran, waited for a CPU, and how often it was put on one.

    ``delay_seconds`` and ``timeslices`` are ``None`` where the kernel keeps no schedstat; ``processor`` is
    the CPU it ran on last, which is looked at for vCPUs only; ``vcpu`` is the number of a vCPU.
    """

    tid: int
    role: Role
    cpu_seconds: float
    delay_seconds: float | None
    timeslices: int | None
    processor: int | None = None
    vcpu: int | None = None


@dataclass(frozen=True, slots=True)
class GuestProcess:
    """A guest's QEMU: its control groups by controller, as /proc/PID/cgroup has them, and its threads."""

    guest: RunningGuest
    stat: Stat
    cgroups: dict[str, str]
    threads: tuple[Thread, ...]
    _folders: dict[str, str | None] = field(default_factory=dict)

    def folder(self, cgroupfs: Path, controller: str) -> str | None:
        """Return the directory of the guest's control group; it is looked for once in a guest's life."""
        if controller not in self._folders:
            self._folders[controller] = directory(cgroupfs, controller, self.cgroups)
        return self._folders[controller]


@dataclass(frozen=True, slots=True)
class _Known:
    """What seldom or never changes while a guest runs."""

    guest: RunningGuest
    start_ticks: int
    cgroups: dict[str, str]
    vcpus: dict[int, int]  # numbers by thread
    folders: dict[str, str | None] = field(default_factory=dict)
    tasks: list[int] = field(default_factory=list)  # threads, as they were listed last


def role_of(comm: str) -> Role:
    """Return the role by the thread's name, as QEMU (``qemu_thread_naming``) and vhost give it.

    ``CPU 0/KVM`` and ``CPU 0/TCG``, ``IO iothread1``, ``vhost-4242``; all others are the emulator's.
    """
    if comm.startswith("CPU "):
        return Role.VCPU
    if comm.startswith("IO iothread"):
        return Role.IOTHREAD
    return Role.VHOST if comm.startswith("vhost-") else Role.EMULATOR


def vcpu_number(comm: str) -> int | None:
    """Return 3 for ``CPU 3/KVM``; ``None`` for a thread that is no vCPU."""
    number = comm.removeprefix("CPU ").partition("/")[0]
    return int(number) if comm.startswith("CPU ") and number.isdecimal() else None


class KernelGuests:
    """Reads all guests below ``rundir`` (/run/libvirt/qemu) and ``procfs``."""

    def __init__(self, rundir: Path, procfs: Path, files: KeptFiles | None = None) -> None:
        """``files`` keeps stat and schedstat open; without it they are opened each time."""
        self._files = KeptFiles() if files is None else files
        self._rundir = str(rundir)
        self._procfs = str(procfs)
        self._vhost_owner: dict[int, int | None] = {}  # of every process seen: whose vhost worker it is
        self._known: dict[int, _Known] = {}  # by pid
        self._roles: dict[int, tuple[Role, bool]] = {}  # by thread; whether it had that name twice
        self._new_roles: dict[int, tuple[Role, bool]] = {}
        self._records: dict[str, tuple[tuple[int, int, int], RunningGuest | None]] = {}  # by name of the file
        self.unread: dict[str, str] = {}
        """Guests that ``read`` had to leave out last time, and why, by UUID or name of the status file."""

    def read(self) -> tuple[GuestProcess, ...]:
        """Return the guests that run.

        Raises ``FileNotFoundError`` when libvirt's run directory is not there: no guest was ever started.
        """
        self.unread = {}
        workers = self._vhost_workers()
        found = (self._guest(guest, workers.get(guest.pid, ())) for guest in self._running())
        guests = tuple(guest for guest in found if guest is not None)
        pids = {guest.guest.pid for guest in guests}
        self._known = {pid: known for pid, known in self._known.items() if pid in pids}
        self._roles, self._new_roles = self._new_roles, {}
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
                self._leave_out(name, error)
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
            stat = self._files.parsed(f"{base}/stat", parse_stat)
            known = self._known_of(guest, stat, base)
            if known is None:
                return None
            threads = (*self._threads(known, base, stat.threads), *self._kernel_threads(workers))
            return GuestProcess(guest, stat, known.cgroups, threads, known.folders)
        except (OSError, ValueError) as error:  # it ended, or this user may not look (hidepid)
            self._leave_out(guest.uuid, error)
            return None

    def _leave_out(self, who: str, error: OSError | ValueError) -> None:
        log.debug("guest %s: %s", who, error)
        if not (isinstance(error, OSError) and is_absence(error)):
            self.unread[who] = str(error)

    def _known_of(self, guest: RunningGuest, stat: Stat, base: str) -> _Known | None:
        """Look anew when libvirt wrote its record anew, as it moves a guest only while it starts it.

        ``None`` when the process is another one: libvirtd was not there to remove the record of a guest that
        ended, and its number was given away.
        """
        known = self._known.get(guest.pid)
        if known is None or known.guest is not guest or known.start_ticks != stat.start_ticks:
            if not _is_of(guest, base):
                log.debug("guest %s: process %d is not its QEMU", guest.uuid, guest.pid)
                return None
            cgroups = parse_membership(read(f"{base}/cgroup"))
            vcpus = {tid: number for number, tid in guest.vcpus.items()}
            known = _Known(guest, stat.start_ticks, cgroups, vcpus)
            self._known[guest.pid] = known
        return known

    def _threads(self, known: _Known, base: str, count: int) -> list[Thread]:
        """Read the threads; which ones there are is looked at when it is more, fewer or others."""
        if len(known.tasks) == count:
            threads = self._tasks(known, base)
            if len(threads) == count:
                return threads
        known.tasks[:] = sorted(map(int, os.listdir(f"{base}/task")))
        return self._tasks(known, base)

    def _tasks(self, known: _Known, base: str) -> list[Thread]:
        found = (self._thread(f"{base}/task/{tid}", tid, known.vcpus.get(tid)) for tid in known.tasks)
        return [thread for thread in found if thread is not None]

    def _kernel_threads(self, workers: tuple[int, ...]) -> Iterator[Thread]:
        for pid in workers:
            thread = self._thread(f"{self._procfs}/{pid}", pid, None)
            if thread is not None:
                yield thread

    def _thread(self, folder: str, tid: int, vcpu: int | None) -> Thread | None:
        """Read a thread: ``stat`` only of vCPUs and of threads not known yet, since that is the dear one."""
        role, settled = self._roles.get(tid, (None, False))
        try:
            schedstat = self._schedstat(f"{folder}/schedstat")
            if role is not None and settled and role is not Role.VCPU and schedstat is not None:
                self._new_roles[tid] = role, True
                return Thread(tid, role, *schedstat)
            stat = self._files.parsed(f"{folder}/stat", parse_stat)
        except (*_GONE, ValueError):  # ended since it was listed
            return None
        found = Role.VCPU if vcpu is not None else role_of(stat.comm)
        # A new thread has its maker's name for a moment: one that was seen twice has its own.
        self._new_roles[tid] = found, role is found
        vcpu = vcpu_number(stat.comm) if vcpu is None else vcpu
        where = (stat.processor, vcpu) if found is Role.VCPU else (None, None)
        if schedstat is None:
            return Thread(tid, found, stat.user_seconds + stat.system_seconds, None, None, *where)
        return Thread(tid, found, *schedstat, *where)

    def _schedstat(self, path: str) -> Schedstat | None:
        try:
            return self._files.parsed(path, parse_schedstat)
        except FileNotFoundError:  # kernel without CONFIG_SCHED_INFO
            return None

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


def _is_of(guest: RunningGuest, base: str) -> bool:
    """Whether the process has the guest's UUID on its command line, where libvirt always puts it."""
    try:
        return guest.uuid in read(f"{base}/cmdline")
    except FileNotFoundError:  # not recorded
        return True
