"""Each guest's I/O on the node's block devices, from the control group's io.stat or blkio files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from argus.catalogue.guest_io import READ_BYTES, READ_OPS, WRITE_BYTES, WRITE_OPS
from argus.catalogue.model import Row
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.cgroup import IoStat, parse_io_stat, parse_throttle
from argus_agent.kernel.files import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


NAMES_SECONDS = 60.0
METRICS = (READ_BYTES, WRITE_BYTES, READ_OPS, WRITE_OPS)


class GuestIo:
    """Version 1 counts only in groups that have a limit: all zeros there is "not accounted", not "no I/O"."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(self._of_guest)
        self._names: dict[str, str] = {}
        self._named = -math.inf

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield bytes and operations by guest and device (the kernel's name, else major:minor)."""
        now = cycle.host.monotonic()
        if now - self._named >= NAMES_SECONDS:
            self._named, self._names = now, _device_names(cycle.host.sysfs)
        yield from self._turn.collect(cycle)

    def _of_guest(self, cycle: Cycle, process: GuestProcess) -> Iterator[Row]:
        for device, stat in _read(cycle.host.cgroupfs, process).items():
            if device not in self._names:  # plugged since
                self._names = {**self._names, device: device, **_device_names(cycle.host.sysfs)}
            labels = (process.guest.uuid, self._names[device])
            values = (stat.read_bytes, stat.write_bytes, stat.read_ops, stat.write_ops)
            yield Row(METRICS, values, labels)


def _read(cgroupfs: Path, process: GuestProcess) -> dict[str, IoStat]:
    for controller, reader in (("blkio", _read_v1), ("io", _read_v2)):
        folder = process.folder(cgroupfs, controller)
        if folder is not None:
            try:
                return reader(folder)
            except FileNotFoundError:  # the controller is not enabled for this group
                continue
    return {}


def _read_v1(folder: str) -> dict[str, IoStat]:
    size = _throttle(folder, "io_service_bytes")
    count = _throttle(folder, "io_serviced")
    found = {}
    for device, ops in count.items():
        if any(ops.values()):
            wanted = [table.get(kind) for table in (size.get(device, {}), ops) for kind in ("Read", "Write")]
            found[device] = IoStat(*wanted)
    return found


def _throttle(folder: str, name: str) -> dict[str, dict[str, int]]:
    """Read one blkio table: with the groups below where the kernel adds them up (since 4.18)."""
    try:
        return parse_throttle(read(f"{folder}/blkio.throttle.{name}_recursive"))
    except FileNotFoundError:
        return parse_throttle(read(f"{folder}/blkio.throttle.{name}"))


def _read_v2(folder: str) -> dict[str, IoStat]:
    return parse_io_stat(read(f"{folder}/io.stat"))


def _device_names(sysfs: Path) -> dict[str, str]:
    names = {}
    for path in (sysfs / "block").glob("*/dev"):
        try:
            names[path.read_text().strip()] = path.parent.name
        except FileNotFoundError:  # unplugged since it was listed
            continue
    return names
