"""The tag ``az`` of nodes' hosts in Zabbix: the availability zone that Nova has them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.guest_life import ZONE_TAG
from argus.zabbix.desired import NODES_GROUP
from argus.zabbix.groups import group_ids
from argus.zabbix.guest_hosts import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.zabbix.api import Zabbix


def keep_zones(zabbix: Zabbix, zones: Mapping[str, str], most: int) -> int:
    """Bring the tag of at most ``most`` nodes up to date; returns how many.

    A node of which no zone is known keeps the tag that it has.  Raises ``ZabbixError``.
    """
    groupid = group_ids(zabbix, (NODES_GROUP,)).get(NODES_GROUP)
    if not zones or groupid is None:
        return 0
    rows = zabbix.read("host.get", groupids=[groupid], output=["hostid", "host"], selectTags=["tag", "value"])
    bodies = []
    for row in rows:
        zone = zones.get(row["host"])
        theirs = [tag for tag in row["tags"] if tag["tag"] != ZONE_TAG]
        if zone and {"tag": ZONE_TAG, "value": zone} not in row["tags"]:
            bodies.append({"hostid": row["hostid"], "tags": [*theirs, {"tag": ZONE_TAG, "value": zone}]})
    for start in range(0, min(len(bodies), most), AT_ONCE):
        zabbix.call("host.update", *bodies[start : min(start + AT_ONCE, most)])
    return min(len(bodies), most)
