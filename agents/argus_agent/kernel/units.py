"""systemd's services as the kernel sees them: a service that runs has processes in its control group.

No command is run and systemd is not asked.  Which services should run is in ``unit_files``: systemd removes
the control group of a service that stopped.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from argus_agent.host import Host

SLICE = "system.slice"


def is_managed(host: Host) -> bool:
    """Whether systemd runs the machine, and its control groups can be seen."""
    return any(root.is_dir() for root in _slices(host))


def unit_groups(host: Host, patterns: Iterable[str]) -> dict[str, bool]:
    """Return the services that match a pattern (``ceph-osd@*.service``) and whether they have processes.

    A service that is not among them has no control group.
    """
    wanted = tuple(patterns)
    found: dict[str, bool] = {}
    for root in _slices(host):
        # instances of a template are in a slice of their own: system-ceph\x2dosd.slice
        for folder in (*root.glob("*.service"), *root.glob("*.slice/*.service")):
            if matches(folder.name, wanted):
                found[folder.name] = found.get(folder.name, False) or _has_processes(folder)
    return found


def _slices(host: Host) -> tuple[Path, ...]:
    # unified; hybrid, where systemd keeps its own tree beside version 1; version 1 alone
    return tuple(
        root / SLICE
        for root in (host.cgroupfs, host.cgroupfs / "unified", host.cgroupfs / "systemd")
        if (root / SLICE).is_dir()
    )


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether the name of a service is one of those that are asked for."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _has_processes(folder: Path) -> bool:
    try:
        return parse_counters(read(f"{folder}/cgroup.events")).get("populated") == 1
    except OSError as error:
        if not is_absence(error):
            raise
    # version 1, or stopped since it was listed
    for path in (
        folder / "cgroup.procs",
        *folder.rglob("*/cgroup.procs"),
    ):  # delegated groups hold them below
        try:
            if path.read_text().strip():
                return True
        except OSError:  # stopped since it was listed
            continue
    return False
