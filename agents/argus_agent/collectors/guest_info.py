"""Names of each guest, from its domain and Nova's metadata in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_info
from argus_agent.cycle import NoData
from argus_agent.guests import Nova

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest


class GuestInfo:
    """Texts that are empty are not told."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield the texts that are known of each guest."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        for guest in cycle.libvirt.guests:
            yield from _texts(guest, cycle.host.name)


def _texts(guest: Guest, node: str) -> Iterator[Sample]:
    nova = guest.definition.nova if guest.definition else Nova()
    # Without a definition the name is not known yet: libvirt's would flicker in as the guest's own.
    name = nova.name or guest.name if guest.definition else ""
    texts = (
        (guest_info.NAME, name),
        (guest_info.DOMAIN, guest.name),
        (guest_info.NODE, node),
        (guest_info.PROJECT, nova.project),
        (guest_info.PROJECT_NAME, nova.project_name),
        (guest_info.USER_NAME, nova.user_name),
        (guest_info.FLAVOR, nova.flavor),
        (guest_info.IMAGE, nova.image),
    )
    yield from (metric.sample(text, guest.uuid) for metric, text in texts if text)
