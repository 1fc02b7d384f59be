"""What a person should know about a Zabbix before it takes more hosts, and Argus does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.zabbix.desired import NODES_GROUP
from argus.zabbix.groups import group_ids
from argus.zabbix.removed import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.zabbix.api import Zabbix

# Of CacheSize, measured by bench/feed/storm.py: an enabled item of ours with all that comes along (tags,
# preprocessing, triggers, the items that are off), at the peak, which is while hosts are made.
BYTES_AN_ITEM = 2400
A_GUEST, A_NODE = 150, 220  # enabled items, counted in the lab: two disks, one NIC, two vCPUs
DEFAULT_CACHE = 32 * 1024 * 1024  # in the zabbix_server.conf that comes with 6.0 and 7.0
MOST_USED = 75.0  # percent of the cache
_USED_KEY = "zabbix[rcache,buffer,pused]"  # in Zabbix' own template of its server
_NAMED = 5


def notes(zabbix: Zabbix) -> Iterator[str]:
    """Yield lines for a person: leftovers of the catalogue, and a cache that may run out."""
    left = leftovers(zabbix)
    if left:
        names = ", ".join(part.key for part in left[:_NAMED])
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        yield (
            f"no longer in the catalogue: {names}{more}; they stay with their history, and are no "
            "difference, until `argus zabbix apply --delete-removed`"
        )
    groupid = group_ids(zabbix, (NODES_GROUP,)).get(NODES_GROUP)
    nodes = int(zabbix.read("host.get", groupids=[groupid], countOutput=True)) if groupid else 0
    items = int(zabbix.read("item.get", countOutput=True, monitored=True))
    rows = zabbix.read("item.get", output=["lastvalue", "lastclock"], filter={"key_": _USED_KEY})
    used = [float(row["lastvalue"]) for row in rows if row["lastclock"] != "0"]
    yield from of_cache(nodes, items, max(used, default=None))


def of_cache(nodes: int, items: int, used: float | None) -> Iterator[str]:
    """Tell what the configuration cache needs, by nodes, enabled items and the percent in use, if known."""
    need = items * BYTES_AN_ITEM
    if not nodes:
        yield (
            "no node has registered yet: before the first one does, add "
            f"{2 * A_NODE * BYTES_AN_ITEM / 2**20:.1f}M for each node and "
            f"{2 * A_GUEST * BYTES_AN_ITEM / 2**20:.1f}M for each guest to CacheSize in zabbix_server.conf; "
            "the server exits when that runs out"
        )
    if used is not None and used > MOST_USED:
        yield (
            f"{used:.0f} % of the server's configuration cache are used with {items} items; it exits when "
            f"that runs out: raise CacheSize in zabbix_server.conf to {_mb(2 * need)}"
        )
    if used is None and need > DEFAULT_CACHE / 2:
        yield (
            f"{items} items need about {_mb(need)} of the server's configuration cache, whose use is not "
            f"known (item {_USED_KEY} has no value): set CacheSize in zabbix_server.conf to {_mb(2 * need)}"
        )


def _mb(size: int) -> str:
    return f"{max(1, size // 2**20)}M"
