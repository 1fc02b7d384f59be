"""Network interfaces of each guest, from the INTERFACE group; the domain's XML gives their MAC addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation, guest_nic
from argus.catalogue.model import Row
from argus_agent.columns import Columns
from argus_agent.cycle import Deltas, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

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
NIC = Columns({key: (metric, 1) for key, metric in NUMBERS.items()})
DROPS = slice(list(NUMBERS).index("rx.drop"), None)
METRICS = (*NIC.metrics, guest_nic.DEVICE, guest_nic.SOURCE)


class GuestNic:
    """An interface is told once its MAC address is known, that is with the first definition read."""

    stats = ("INTERFACE",)

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield the counters of each interface that has any, and how many guests lose packets."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        self._deltas.turn(cycle)
        known, losing = False, set()
        for guest in cycle.libvirt.guests:
            nics = guest.definition.nics if guest.definition else {}
            seen = set()
            for number, device in guest.entries("net"):
                numbers = NIC.read(guest, f"net.{number}.")
                grown = self._deltas.all_grown((guest.uuid, guest.running_id, device), numbers[DROPS])
                known = known or any(packets is not None for packets in grown)
                if any(grown):
                    losing.add(guest.uuid)
                nic = nics.get(device)
                if nic and nic.mac not in seen:  # two interfaces may share a MAC address, series may not
                    seen.add(nic.mac)
                    values = (*numbers, device, nic.source or None)
                    yield Row(METRICS, values, (guest.uuid, nic.mac))
        if known:
            yield allocation.GUESTS_LOSING.sample(len(losing))
