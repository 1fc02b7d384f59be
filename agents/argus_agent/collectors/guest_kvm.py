"""KVM's own statistics of each guest and vCPU, from the CPU_TOTAL, VCPU and VM groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_kvm import DIRTY_RATE, IOTHREADS, OF_GUEST, OF_VCPU
from argus.catalogue.model import Row
from argus_agent.columns import Columns, is_known
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest


GUEST = Columns(OF_GUEST)
GUEST_METRICS = (*GUEST.metrics, IOTHREADS)
VCPU = Columns(OF_VCPU)


class GuestKvm:
    """An allow-list: libvirt passes on some fifty numbers a vCPU, whatever the kernel calls them."""

    stats = ("CPU_TOTAL", "VCPU", "VM")

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield what this kernel and this libvirt give."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        for guest in cycle.libvirt.guests:
            yield from _of_guest(guest)
            slow = cycle.libvirt.slow
            if slow and guest.uuid in slow.dirty_rates:
                rate = slow.dirty_rates[guest.uuid]
                yield DIRTY_RATE.sample(rate, guest.uuid)._replace(at=cycle.when(slow.when("dirty_rate")))


def _of_guest(guest: Guest) -> Iterator[Row]:
    iothreads = guest.definition.iothreads if guest.definition else None
    values = (*GUEST.read(guest), iothreads)
    if is_known(values):
        yield Row(GUEST_METRICS, values, (guest.uuid,))
    for vcpu in range(int(guest.number("vcpu.maximum") or 0)):
        numbers = VCPU.read(guest, f"vcpu.{vcpu}.")
        if is_known(numbers):
            yield Row(VCPU.metrics, tuple(numbers), (guest.uuid, str(vcpu)))
