"""Names of each guest, from its domain and Nova's metadata in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_info
from argus.catalogue.model import Row
from argus_agent.cycle import NoData
from argus_agent.guests import Nova

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.cycle import Cycle
    from argus_agent.guests import Guest


METRICS = (
    guest_info.NAME,
    guest_info.DOMAIN,
    guest_info.NODE,
    guest_info.PROJECT,
    guest_info.PROJECT_NAME,
    guest_info.USER_NAME,
    guest_info.FLAVOR,
    guest_info.IMAGE,
)


class GuestInfo:
    """Texts that are empty are not told."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """Yield the texts that are known of each guest."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        for guest in cycle.libvirt.guests:
            yield _texts(guest, cycle.host.name)


def _texts(guest: Guest, node: str) -> Row:
    nova = guest.definition.nova if guest.definition else Nova()
    # Without a definition the name is not known yet: libvirt's would flicker in as the guest's own.
    name = nova.name or guest.name if guest.definition else ""
    values = (
        name,
        guest.name,
        node,
        nova.project,
        nova.project_name,
        nova.user_name,
        nova.flavor,
        nova.image,
    )
    return Row(METRICS, tuple(text or None for text in values), (guest.uuid,))
