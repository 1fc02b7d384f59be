"""The machine that is measured: its name, the roots of its kernel's files, and the clocks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import read
from argus_agent.kernel.kept_files import KeptFiles
from argus_agent.kernel.unit_files import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from argus_agent.kernel.rtnetlink import Link

ENABLED = Path("/etc/systemd/system")


def _no_link(_index: int) -> Sequence[Link]:
    return ()


@dataclass(frozen=True, slots=True)
class Host:
    """Everything a collector may touch of the machine.

    ``rundir`` is libvirt's run directory, ``systemd`` where enabled services are linked, ``unit_folders``
    where packages and generators have theirs (this machine's are not another one's); ``link`` asks the
    kernel for a network card by its index: nothing is known of the cards of a machine that is only recorded.
    ``statvfs`` tells the space of the file system at a path, as os.statvfs does.
    A recorded machine is a ``Host`` with other roots.
    """

    name: str
    procfs: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    rundir: Path = Path("/run/libvirt")
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    systemd: Path = ENABLED
    unit_folders: tuple[Path, ...] = FOLDERS
    link: Callable[[int], Sequence[Link]] = _no_link
    files: KeptFiles = field(default_factory=KeptFiles, compare=False)
    """For what is read of each guest in each cycle, by the thread that runs the cycles.  Keeps nothing open
    by default: a recorded machine's files may be replaced."""
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    cgroupfs: Path = field(init=False)
    """Where control groups are mounted."""

    def __post_init__(self) -> None:
        """Join paths once: collectors ask for each guest."""
        object.__setattr__(self, "cgroupfs", self.sysfs / "fs/cgroup")
        if self.systemd != ENABLED and self.unit_folders == FOLDERS:
            object.__setattr__(self, "unit_folders", ())

    def read_proc(self, name: str) -> str:
        """Return a file below procfs.  Raises ``OSError``."""
        return read(f"{self.procfs}/{name}")

    def read_sys(self, name: str) -> str:
        """Return a file below sysfs.  Raises ``OSError``."""
        return read(f"{self.sysfs}/{name}")

    def online_cpus(self) -> frozenset[int]:
        """CPUs that are online.  Raises ``OSError`` or ``ValueError``."""
        return parse_cpulist(self.read_sys("devices/system/cpu/online"))
