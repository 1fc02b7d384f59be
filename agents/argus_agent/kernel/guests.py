"""The guests as the kernel sees them: libvirt's status files name their processes, /proc has the rest.

Answers when libvirtd does not.  A guest that ends while it is read is left out.
"""

from __future__ import annotations

import enum
import logging
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.cgroup import directory, own_groups, parse_membership, parse_mounts
from argus_agent.kernel.domstatus import RunningGuest, parse_domstatus
from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.group_claims import GroupClaims
from argus_agent.kernel.kept_files import KeptFiles
from argus_agent.kernel.numbers import count
from argus_agent.kernel.process import Schedstat, Stat, parse_processor, parse_schedstat, parse_stat
from argus_agent.kernel.qemu_search import DEAD, QemuSearch
from argus_agent.kernel.run_directory import status_files
from argus_agent.kernel.vhost_workers import VhostWorkers, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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
    """A guest's QEMU: the control groups by controller that are its own and nobody else's, and its threads.

    ``membership`` has all groups that it is in, ``mounts`` what is mounted of each hierarchy.  ``read_at`` is
    when its threads were read, on the monotonic clock; ``None``: in the cycle.
    """

    guest: RunningGuest
    stat: Stat
    cgroups: Mapping[str, str]
    threads: tuple[Thread, ...]
    _folders: dict[str, str | None] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    membership: Mapping[str, str] = field(default_factory=dict)
    read_at: float | None = None
    _groups: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def groups(self, cgroupfs: Path, controller: str) -> tuple[str, ...]:
        """Return the directories of the guest's control group and of those below it, one for each vCPU.

        They are listed again when libvirt wrote its record anew, as it does when it plugs a vCPU.
        """
        if controller not in self._groups:
            folder = self.folder(cgroupfs, controller)
            below = (*_below(folder), *_below(f"{folder}/libvirt")) if folder is not None else ()
            self._groups[controller] = (folder, *below) if folder is not None else ()
        return self._groups[controller]

    def folder(self, cgroupfs: Path, controller: str) -> str | None:
        """Return the directory of the guest's control group; it is looked for once in a guest's life."""
        if controller not in self._folders:
            self._folders[controller] = directory(cgroupfs, controller, self.cgroups, self.mounts)
        return self._folders[controller]


class _Task:
    """A thread and its files; ``thread`` is made of what schedstat had ``seen``.

    ``settled``: it had the name that tells its role twice.  ``vcpu``: its number, where libvirt says so.
    """

    __slots__ = ("role", "schedstat", "seen", "settled", "stat", "thread", "tid", "vcpu")

    def __init__(self, folder: str, tid: int, vcpu: int | None) -> None:
        self.tid = tid
        self.vcpu = vcpu
        self.schedstat, self.stat = f"{folder}/schedstat", f"{folder}/stat"
        self.role: Role | None = None
        self.settled = False
        self.seen: Schedstat | None = None
        self.thread: Thread | None = None


@dataclass(slots=True)
class _Known:
    """What seldom or never changes while a guest runs; ``record`` is libvirt's, whose pid may be another."""

    record: RunningGuest
    guest: RunningGuest
    start_ticks: int
    membership: dict[str, str]
    cgroups: dict[str, str]
    vcpus: dict[int, int]  # numbers by thread
    folders: dict[str, str | None] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tasks: dict[int, _Task] = field(default_factory=dict)  # threads, as they were listed last


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
    return count(comm.removeprefix("CPU ").partition("/")[0]) if comm.startswith("CPU ") else None


class KernelGuests:
    """Reads all guests below ``rundir`` (/run/libvirt/qemu) and ``procfs``."""

    def __init__(
        self,
        rundir: Path,
        procfs: Path,
        files: KeptFiles | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """``files`` keeps stat and schedstat open; without it they are opened each time."""
        self._files = KeptFiles() if files is None else files
        self._monotonic = monotonic
        self._rundir = str(rundir)
        self._procfs = str(procfs)
        self._vhost = VhostWorkers(self._procfs)
        self._known: dict[str, _Known] = {}  # by UUID
        self._search = QemuSearch(self._procfs)
        self._claims = GroupClaims()
        self._changed = False  # which guests run, since their groups were compared last
        self._mounts: dict[str, str] | None = None
        self._workers: dict[int, _Task] = {}  # vhost workers, by number
        self._records: dict[str, tuple[tuple[int, int, int], RunningGuest | None]] = {}  # by path of the file
        self.unread: dict[str, str] = {}
        """Guests that ``read`` had to leave out last time, and why, by UUID or name of the status file."""

    def read(self, only: Collection[str] | None = None) -> tuple[GuestProcess, ...]:
        """Return the guests that run, or of them those with the UUIDs in ``only``.

        Raises ``FileNotFoundError`` when libvirt's run directory is not there: no guest was ever started; and
        another ``OSError`` when it may not be listed.
        """
        self.unread = {}
        if only is not None:
            workers = self._vhost.known()
            self._search.begin(self._vhost.pids)
            some = (self._guest(guest, workers) for guest in self._running_of(only))
            guests = tuple([guest for guest in some if guest is not None])
            if self._changed:  # a guest that is new may claim the group of one that is known
                self._claims.settle(self._known)
            return guests
        running = list(self._running())
        workers = self._vhost.look(running)
        self._search.begin(self._vhost.pids)
        found = (self._guest(guest, workers) for guest in running)
        guests = tuple(guest for guest in found if guest is not None)
        uuids = {guest.guest.uuid for guest in guests}
        if self._changed or uuids != self._known.keys():
            self._known = {uuid: known for uuid, known in self._known.items() if uuid in uuids}
            self._claims.settle(self._known)
            self._changed = False
        self._workers = {pid: task for pid, task in self._workers.items() if pid in self._vhost.pids}
        return guests

    def _running(self) -> Iterator[RunningGuest]:
        paths = status_files(self._rundir)
        self._records = {path: self._records[path] for path in paths if path in self._records}
        for path in paths:
            try:
                guest = self._recorded(path)
            except (OSError, ValueError) as error:  # ended since it was listed; being written just now
                self._leave_out(os.path.basename(path), error)
                continue
            if guest is not None:
                yield guest

    def _running_of(self, only: Collection[str]) -> list[RunningGuest]:
        """Look at the files of some guests, and at all of them where one of those guests is new."""
        paths = {path: g.uuid for path, (_, g) in self._records.items() if g is not None and g.uuid in only}
        try:
            if len(set(paths.values())) == len(only):
                found = [self._recorded(path) for path in paths]
                if all(guest is not None and guest.uuid in only for guest in found):
                    return [guest for guest in found if guest is not None]
        except (OSError, ValueError) as error:  # it ended, or is being written just now
            log.debug("guests %s: %s", sorted(only), error)
        return [guest for guest in self._running() if guest.uuid in only]

    def _recorded(self, path: str) -> RunningGuest | None:
        """Parse a status file unless it is the one of before: libvirt replaces it whole at each change."""
        stat = os.stat(path)
        identity = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._records.get(path)
        if known is None or known[0] != identity:
            known = self._records[path] = (identity, parse_domstatus(read(path)))
        return known[1]

    def _guest(self, record: RunningGuest, workers: Workers) -> GuestProcess | None:
        try:
            located = self._located(record)
            if located is None:
                return None
            known, stat = located
            read_at = self._monotonic() if self._monotonic is not None else None
            own = self._threads(known, f"{self._procfs}/{known.guest.pid}", stat.threads)
            return GuestProcess(
                known.guest,
                stat,
                known.cgroups,
                (*own, *self._kernel_threads(workers.get(known.guest.pid, ()))),
                known.folders,
                self._mounts or {},
                known.membership,
                read_at,
                known.groups,
            )
        except (OSError, ValueError) as error:  # it ended, or this user may not look (hidepid)
            self._leave_out(record.uuid, error)
            return None

    def _leave_out(self, who: str, error: OSError | ValueError) -> None:
        log.debug("guest %s: %s", who, error)
        if not (isinstance(error, OSError) and is_absence(error)):
            self.unread[who] = str(error)

    def _located(self, record: RunningGuest) -> tuple[_Known, Stat] | None:
        """Return what is known of the guest's process, and its state now; ``None`` when it does not run.

        Looked at anew when libvirt wrote its record anew, as it moves a guest only while it starts it.
        """
        known = self._known.get(record.uuid)
        if known is not None and known.record is record:
            stat = self._stat_of(known)
            if stat is not None and stat.start_ticks == known.start_ticks:
                return None if stat.state in DEAD else (known, stat)
        found = self._search.find(record.uuid, record.pid)
        if found is None:
            return None
        before, known = known, self._examined(record, *found)
        if before is not None and (before.start_ticks, before.membership) == (
            known.start_ticks,
            known.membership,
        ):  # libvirt writes its record with each change of state: the guest's group is what it was
            known = replace(known, cgroups=before.cgroups, folders=before.folders)
        else:
            self._changed = True
        self._known[record.uuid] = known
        return known, found[1]

    def _stat_of(self, known: _Known) -> Stat | None:
        try:
            return self._files.parsed(f"{self._procfs}/{known.guest.pid}/stat", parse_stat)
        except _GONE:
            return None

    def _examined(self, record: RunningGuest, pid: int, stat: Stat) -> _Known:
        base = f"{self._procfs}/{pid}"
        if self._mounts is None:
            self._mounts = self._read_mounts()
        membership = parse_membership(read(f"{base}/cgroup"))
        # Threads have numbers of libvirt's namespace too; ours say by their names which vCPU they are.
        vcpus = {tid: number for number, tid in record.vcpus.items()} if pid == record.pid else {}
        guest = record if pid == record.pid else replace(record, pid=pid, vcpus={})
        return _Known(record, guest, stat.start_ticks, membership, own_groups(membership), vcpus)

    def _read_mounts(self) -> dict[str, str]:
        try:
            return parse_mounts(read(f"{self._procfs}/self/mountinfo"))
        except OSError:  # a recorded machine
            return {}

    def _threads(self, known: _Known, base: str, count: int) -> list[Thread]:
        """Read the threads; which ones there are is looked at when it is more, fewer or others."""
        if len(known.tasks) == count:
            threads = self._read_all(known.tasks.values())
            if len(threads) == count:
                return threads
        before = dict(known.tasks)
        known.tasks.clear()
        for tid in sorted(map(int, os.listdir(f"{base}/task"))):
            known.tasks[tid] = before.get(tid) or _Task(f"{base}/task/{tid}", tid, known.vcpus.get(tid))
        return self._read_all(known.tasks.values())

    def _kernel_threads(self, workers: tuple[int, ...]) -> list[Thread]:
        for pid in workers:
            if pid not in self._workers:
                self._workers[pid] = _Task(f"{self._procfs}/{pid}", pid, None)
        return self._read_all([self._workers[pid] for pid in workers]) if workers else []

    def _read_all(self, tasks: Iterable[_Task]) -> list[Thread]:
        found = [self._thread(task) for task in tasks]
        return [thread for thread in found if thread is not None]

    def _thread(self, task: _Task) -> Thread | None:
        """Read a thread: ``stat`` only of vCPUs and of threads not known yet, since that is the dear one."""
        try:
            schedstat = self._schedstat(task.schedstat)
            role = task.role if task.settled else None
            if role is not None and role is not Role.VCPU and schedstat is not None:
                if schedstat is not task.seen:
                    task.seen, task.thread = schedstat, Thread(task.tid, role, *schedstat)
                return task.thread
            if role is Role.VCPU and schedstat is not None and task.thread is not None:
                processor = self._files.parsed(task.stat, parse_processor)
                if schedstat is not task.seen or processor != task.thread.processor:
                    task.seen = schedstat
                    task.thread = Thread(task.tid, role, *schedstat, processor, task.thread.vcpu)
                return task.thread
            stat = self._files.parsed(task.stat, parse_stat)
        except (*_GONE, ValueError):  # ended since it was listed
            return None
        found = Role.VCPU if task.vcpu is not None else role_of(stat.comm)
        # A new thread has its maker's name for a moment: one that was seen twice has its own.
        task.settled, task.role = task.role is found, found
        vcpu = vcpu_number(stat.comm) if task.vcpu is None else task.vcpu
        where = (stat.processor, vcpu) if found is Role.VCPU else (None, None)
        if schedstat is None:
            return Thread(task.tid, found, stat.user_seconds + stat.system_seconds, None, None, *where)
        task.seen, task.thread = schedstat, Thread(task.tid, found, *schedstat, *where)
        return task.thread

    def _schedstat(self, path: str) -> Schedstat | None:
        try:
            return self._files.parsed(path, parse_schedstat)
        except FileNotFoundError:  # kernel without CONFIG_SCHED_INFO
            return None


def _below(folder: str) -> list[str]:
    """Return the groups below; none for a group that is not there."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
