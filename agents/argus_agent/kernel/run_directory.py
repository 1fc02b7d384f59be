"""libvirt's run directory: one status file for each guest that runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SESSION = "run"
"""Where a session daemon (qemu:///session) keeps them, one level below the system daemon's place."""


def status_files(rundir: Path | str) -> list[str]:
    """Return the status files below ``rundir`` (/run/libvirt/qemu, $XDG_RUNTIME_DIR/libvirt/qemu).

    Raises ``FileNotFoundError`` when the directory is not there: no guest was ever started; and another
    ``OSError`` when it is there and may not be listed, so that nothing is known of its guests.
    """
    try:
        found = _listed(str(rundir))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{rundir}: libvirt keeps no status of running guests here") from None
    try:
        return found + _listed(f"{rundir}/{_SESSION}")
    except (FileNotFoundError, NotADirectoryError):
        return found


def _listed(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.name.endswith(".xml"))
