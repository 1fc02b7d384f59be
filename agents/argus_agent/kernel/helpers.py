"""Helper processes of a guest: swtpm, virtiofsd and others that libvirt runs beside its QEMU.

libvirt moves them into the guest's control group (qemuExtDevicesSetupCgroup); without one of its own, the
pid files in libvirt's run directory name them: swtpm/3-NAME-swtpm.pid, 3-NAME-fs0-fs.pid and others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.cgroup import UNIFIED
from argus_agent.kernel.files import is_absence, read, read_record
from argus_agent.kernel.numbers import count
from argus_agent.kernel.process import PAGE_BYTES, Stat, parse_stat
from argus_agent.kernel.qemu_search import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess

OTHER = "other"
_ROLES = {
    "swtpm": "swtpm",
    "virtiofsd": "virtiofsd",
    "passt": "passt",  # passt.avx2 too
    "slirp-helper": "slirp",
    "dbus-daemon": "dbus",
    "qemu-pr-helper": "pr_helper",
    "vhost-user-": "vhost_user",
    "nbdkit": "nbdkit",
}
_CONTROLLERS = ("cpu", "cpuacct", "memory", "systemd", UNIFIED)
_GROUPS = ("", "/libvirt", "/libvirt/emulator", "/emulator")
_PID_FOLDERS = ("", "swtpm", "dbus", "slirp", "passt")
_KTHREADD = 2  # kernel threads that serve a guest (vhost, kvm-nx-lpage-recovery) are in its groups too
_MOST = 64  # processes of one guest that are looked at


class Helpers(NamedTuple):
    """The helpers of a guest in one role: how many, their CPU time and their resident memory."""

    alive: int
    cpu_seconds: float
    rss_bytes: int


def role_of(comm: str) -> str:
    """Return the role of a process by its name, ``other`` for one that is not known."""
    return next((role for name, role in _ROLES.items() if comm.startswith(name)), OTHER)


def read_helpers(host: Host, process: GuestProcess) -> dict[str, Helpers]:
    """Return a guest's helpers by role.  Raises ``OSError`` or ``ValueError`` for what cannot be read."""
    found: dict[str, Helpers] = {}
    for stat in _processes(host, process):
        role = role_of(stat.comm)
        before = found.get(role, Helpers(0, 0.0, 0))
        seconds = before.cpu_seconds + stat.user_seconds + stat.system_seconds
        found[role] = Helpers(before.alive + 1, seconds, before.rss_bytes + stat.rss_pages * PAGE_BYTES)
    return found


def _processes(host: Host, process: GuestProcess) -> Iterator[Stat]:
    folder = next(filter(None, (process.folder(host.cgroupfs, name) for name in _CONTROLLERS)), None)
    named = folder is None
    pids = _named(host.rundir / "qemu", process.guest.number) if folder is None else _members(folder)
    pids.discard(process.guest.pid)
    seen: set[int] = set()
    while pids and len(seen) < _MOST:
        pid = pids.pop()
        seen.add(pid)
        stat = _stat(f"{host.procfs}/{pid}")
        if stat is None or stat.state in DEAD or stat.parent == _KTHREADD:
            continue
        if named and role_of(stat.comm) == OTHER:  # the number was given to another process
            continue
        yield stat
        # virtiofsd's sandbox is a child that was made before the parent was moved into the guest's group.
        pids |= _pids(f"{host.procfs}/{pid}/task/{pid}/children") - seen


def _members(folder: str) -> set[int]:
    pids: set[int] = set()
    for group in _GROUPS:
        pids |= _pids(f"{folder}{group}/cgroup.procs")
    return pids


def _pids(path: str) -> set[int]:
    """Return the process IDs in a file; none where it is not there, or a threaded group, which has none."""
    try:
        return {pid for word in read(path).split() if (pid := count(word))}
    except OSError as error:
        if not is_absence(error):
            raise
        return set()


def _named(rundir: Path, number: int | None) -> set[int]:
    """Return the processes of pid files whose name begins with libvirt's number of the guest."""
    pids: set[int] = set()
    if number is None:
        return pids
    name = re.compile(rf"{number}-.+\.pid")
    for folder in (rundir / sub for sub in _PID_FOLDERS):
        if folder.is_dir():
            for path in folder.iterdir():
                if name.fullmatch(path.name):
                    pids |= _pids(str(path))
    return pids


def _stat(base: str) -> Stat | None:
    try:
        return parse_stat(read_record(f"{base}/stat"))
    except OSError as error:
        if not is_absence(error):
            raise
        return None  # it ended, or has a number of another namespace
