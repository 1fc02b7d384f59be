"""systemd's services as the kernel sees them: a service that runs has processes in its control group.

No command is run and systemd is not asked.  Which services should run is read from the links that
``systemctl enable`` makes: systemd removes the control group of a service that stopped.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from argus_agent.host import Host

SLICE = "system.slice"


def is_managed(host: Host) -> bool:
    """Whether systemd runs the machine, and its control groups can be seen."""
    return any(root.is_dir() for root in _slices(host))


def running_units(host: Host, patterns: Iterable[str]) -> set[str]:
    """Return the services that match a pattern (``ceph-osd@*.service``) and have processes."""
    wanted = tuple(patterns)
    return {
        folder.name
        for root in _slices(host)
        # instances of a template are in a slice of their own: system-ceph\x2dosd.slice
        for folder in (*root.glob("*.service"), *root.glob("*.slice/*.service"))
        if _matches(folder.name, wanted) and _has_processes(folder)
    }


def enabled_units(host: Host, patterns: Iterable[str]) -> set[str]:
    """Return the services that match a pattern and are started at boot."""
    wanted = tuple(patterns)
    links = host.systemd.glob("*.wants/*.service")
    return {link.name for link in links if _matches(link.name, wanted) and "@.service" not in link.name}


def _slices(host: Host) -> tuple[Path, ...]:
    # unified; hybrid, where systemd keeps its own tree beside version 1; version 1 alone
    return tuple(
        root / SLICE
        for root in (host.cgroupfs, host.cgroupfs / "unified", host.cgroupfs / "systemd")
        if (root / SLICE).is_dir()
    )


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _has_processes(folder: Path) -> bool:
    try:
        return "populated 1" in (folder / "cgroup.events").read_text()
    except FileNotFoundError:  # version 1
        pass
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
