"""Host groups of guests by project, flavor, node and zone, made where the configuration asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.guest_life import ZONE_TAG, group_names
from argus.zabbix.changes import CREATE, Change
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.groups import group_ids
from argus.zabbix.guest_hosts import existing_groups, read_guests

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix


class GuestGroups:
    """One group for each project, flavor, node or zone that has a guest; rights come from ``Argus/Guests``.

    Zabbix lets only administrators make groups; the correlator then keeps guests in them.
    """

    title = "groups of guests"

    def __init__(self, group_by: tuple[str, ...]) -> None:
        """Take ``[guests] group_by``."""
        self._group_by = group_by

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the missing ones."""
        if not self._group_by or not group_ids(zabbix, (GUESTS_GROUP,)):
            return []
        hosts = read_guests(zabbix, lambda: None)
        facts = [{ZONE_TAG: dict(host.tags).get(ZONE_TAG, ""), **host.facts} for host in hosts]
        wanted = {name for each in facts for name in group_names(each, self._group_by)}
        return [_creation(zabbix, name) for name in sorted(wanted - existing_groups(zabbix).keys())]


def _creation(zabbix: Zabbix, name: str) -> Change:
    return Change(CREATE, "host group", name, (), lambda: zabbix.call("hostgroup.create", name=name))
