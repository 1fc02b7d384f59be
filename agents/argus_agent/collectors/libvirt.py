"""Whether libvirtd answers: what the agent itself found out when it asked for the guests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import libvirt
from argus_agent.cycle import NoData, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest


class Libvirt:
    """One answer a cycle, also when there is none."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield ``up`` always, the rest as far as it is known; between ticks nothing of all guests."""
        view = cycle.libvirt
        if view.broken:
            raise RuntimeError(f"the agent could not ask: {view.error}")
        yield libvirt.UP.sample(int(view.up))
        if view.call_seconds is not None and not cycle.for_events:
            yield libvirt.CALL.sample(view.call_seconds)
        if view.last_success_age is not None:
            yield libvirt.AGE.sample(view.last_success_age)
        if view.unresponsive is not None and not cycle.for_events:
            yield libvirt.UNRESPONSIVE.sample(view.unresponsive)
        if view.version:
            yield libvirt.VERSION.sample(view.version)
        if view.hypervisor:
            yield libvirt.HYPERVISOR.sample(view.hypervisor)
        for call, seconds in view.calls.items() if not cycle.for_events else ():
            yield libvirt.LATENCY.sample(seconds, call)
        for call, count in view.failures.items() if not cycle.for_events else ():
            yield libvirt.FAILURES.sample(count, call)
        if view.guests is not None and not cycle.for_events:
            yield from _processes(view.guests, cycle)


def _is_unread(guest: Guest, unread: Mapping[str, str]) -> bool:
    """Whether the kernel's path could not look at the guest, so that its process may well be there."""
    return guest.uuid in unread or f"{guest.name}.xml" in unread


def _processes(guests: Iterable[Guest], cycle: Cycle) -> Iterator[Sample]:
    try:
        running = {process.guest.uuid for process in cycle.running()}
    except (NoData, Unreadable):  # no status files of libvirt's that this agent sees: nothing to compare with
        return
    active = [guest for guest in guests if guest.active]
    missing = [guest for guest in active if guest.uuid not in running and not _is_unread(guest, cycle.unread)]
    yield libvirt.WITHOUT_QEMU.sample(len(missing))
    yield libvirt.WITHOUT_DOMAIN.sample(len(running - {guest.uuid for guest in active}))
