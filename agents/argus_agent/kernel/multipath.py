"""Multipath in sysfs, which needs neither multipathd's socket nor device mapper's ioctls (CAP_SYS_ADMIN)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.disks import MULTIPATH
from argus_agent.kernel.files import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from argus_agent.kernel.disks import Disk, Look

BAD = frozenset(
    {
        "offline",  # SCSI: scsi_device_state
        "transport-offline",
        "blocked",
        "created-blocked",
        "cancel",
        "deleted",
        "resetting",  # NVMe: nvme_ctrl_state
        "connecting",
        "deleting",
        "deleting (no IO)",
        "dead",
    }
)
"""States in which nothing goes through; whatever else a kernel says, does not count as failed."""
CLOSED = frozenset({"inaccessible", "persistent-loss"})
"""ANA states of NVMe in which this way leads nowhere, as long as another does."""
_CONTROLLER = re.compile(r"nvme\d+$")
_PATH = re.compile(r"nvme\d+c\d+n(\d+)$")


class Device(NamedTuple):
    """One disk and the state of each way to it by the way's name, ``""`` where the kernel tells none.

    ``closed``: the ways work, and the storage lets nothing through any of them.
    """

    name: str
    paths: Mapping[str, str]
    closed: bool = False

    @property
    def bad(self) -> dict[str, str]:
        """The ways that do not work."""
        return {name: state for name, state in self.paths.items() if state in BAD}

    @property
    def lost(self) -> bool:
        """Whether no way is left."""
        return self.closed or len(self.bad) == len(self.paths)


def read_maps(block: Path, disks: Iterable[Disk], look: Look) -> Iterator[Device]:
    """Yield the maps of multipathd among the disks."""
    for disk in disks:
        if disk.kind == MULTIPATH:
            states = {name: look(f"{block}/{name}/device/state") or "" for name in disk.members}
            yield Device(disk.label, states)


def read_subsystems(folder: Path, look: Look) -> Iterator[Device]:
    """Yield the NVMe subsystems that have several controllers, or one over a network.

    ``folder`` is /sys/class/nvme-subsystem.  Raises ``OSError`` when it cannot be listed.
    """
    for name in listed(str(folder)):
        base = f"{folder}/{name}"
        controllers = [each for each in listed(base) if _CONTROLLER.match(each)]
        local = all((look(f"{base}/{each}/transport") or "pcie") == "pcie" for each in controllers)
        if controllers and (len(controllers) > 1 or not local):
            states = {each: look(f"{base}/{each}/state") or "" for each in controllers}
            yield Device(name, states, _is_closed(base, states, look))


def _is_closed(base: str, states: Mapping[str, str], look: Look) -> bool:
    """Whether some namespace has no way that is open, of those controllers that work."""
    ways: dict[str, set[str]] = {}
    for controller, state in states.items():
        for path in listed(f"{base}/{controller}") if state not in BAD else ():
            match = _PATH.match(path)
            ana = look(f"{base}/{controller}/{path}/ana_state") if match else None
            if match and ana:
                ways.setdefault(match[1], set()).add(ana)
    return any(found <= CLOSED for found in ways.values())
