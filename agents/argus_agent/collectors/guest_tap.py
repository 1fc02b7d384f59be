"""Tap devices of each guest, from /sys/class/net; libvirt's status files name them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from argus.catalogue.guest_tap import FILES
from argus_agent.in_turn import SamplesInTurn
from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.numbers import parse_integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.cycle import Cycle
    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess


class GuestTap:
    """A tap in another network namespace is not seen; one there may have the name of another one here."""

    stats = None

    def __init__(self) -> None:
        self._turn = SamplesInTurn(_of_guest)

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield drops by guest and MAC address."""
        yield from self._turn.collect(cycle)


def _of_guest(cycle: Cycle, process: GuestProcess) -> Iterator[Sample]:
    guest = process.guest
    if guest.taps and _in_our_namespace(cycle.host, guest.pid):
        for mac, device in guest.taps.items():
            yield from _of_tap(cycle, device, guest.uuid, mac)


def _of_tap(cycle: Cycle, device: str, uuid: str, mac: str) -> Iterator[Sample]:
    for name, metric in FILES.items():
        try:
            drops = parse_integer(read(f"{cycle.host.sysfs}/class/net/{device}/{name}"))
        except (OSError, ValueError) as error:
            if not isinstance(error, OSError) or not is_absence(error):  # unplugged, or never here
                cycle.unread[uuid] = f"{device}/{name}: {error}"
        else:
            yield metric.sample(drops, uuid, mac)


def _in_our_namespace(host: Host, pid: int) -> bool:
    """Whether the QEMU sees the same network as /sys here; assumed where that may not be known."""
    try:
        theirs, ours = (
            os.readlink(f"{host.procfs}/{who}/ns/net")  # noqa: PTH115 -- a third of the time, for each guest
            for who in (pid, "self")
        )
    except OSError:  # without CAP_SYS_PTRACE; or a recorded machine
        return True
    return theirs == ours
