"""Network interfaces of each guest, from the INTERFACE group; the domain's XML gives their MAC addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_nic
from argus_agent.cycle import Deltas, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest

NUMBERS = {
    "rx.bytes": guest_nic.RX_BYTES,
    "tx.bytes": guest_nic.TX_BYTES,
    "rx.pkts": guest_nic.RX_PACKETS,
    "tx.pkts": guest_nic.TX_PACKETS,
    "rx.errs": guest_nic.RX_ERRORS,
    "tx.errs": guest_nic.TX_ERRORS,
    "rx.drop": guest_nic.RX_DROPS,
    "tx.drop": guest_nic.TX_DROPS,
}


class GuestNic:
    """An interface is told once its MAC address is known, that is with the first definition read."""

    stats = ("INTERFACE",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the counters of each interface that has any, and how many guests lose packets."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn()
        lost: list[tuple[str, float]] = []
        for guest in cycle.libvirt.guests:
            yield from _nics(guest)
            lost += self._lost(guest)
        if lost:
            yield allocation.GUESTS_LOSING.sample(len({uuid for uuid, packets in lost if packets}))

    def _lost(self, guest: Guest) -> Iterator[tuple[str, float]]:
        """Yield what each interface lost since the last cycle; nothing at first sight."""
        for number, device in guest.entries("net"):
            for key in (f"net.{number}.rx.drop", f"net.{number}.tx.drop"):
                series = (guest.uuid, guest.running_id, device, key)
                grown = self._deltas.grown(series, guest.number(key))
                if grown is not None:
                    yield guest.uuid, grown


def _nics(guest: Guest) -> Iterator[Sample]:
    nics = guest.definition.nics if guest.definition else {}
    seen = set()
    for number, device in guest.entries("net"):
        nic = nics.get(device)
        if nic is None or nic.mac in seen:  # two interfaces may share a MAC address, series may not
            continue
        seen.add(nic.mac)
        for key, metric in NUMBERS.items():
            value = guest.number(f"net.{number}.{key}")
            if value is not None:
                yield metric.sample(value, guest.uuid, nic.mac)
        yield guest_nic.DEVICE.sample(device, guest.uuid, nic.mac)
        if nic.source:
            yield guest_nic.SOURCE.sample(nic.source, guest.uuid, nic.mac)
