"""What a person should know about a Zabbix before it takes more hosts, and Argus does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.zabbix.removed import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.zabbix.api import Zabbix

BYTES_AN_ITEM = 600  # of CacheSize, measured with our templates; the rest of the cache is small beside it
DEFAULT_CACHE = 32 * 1024 * 1024  # in the zabbix_server.conf that comes with 6.0 and 7.0
LEAST_FREE = 25.0  # percent of the cache
_FREE_KEY = "zabbix[rcache,buffer,pfree]"
_NAMED = 5


def notes(zabbix: Zabbix) -> Iterator[str]:
    """Yield lines for a person: leftovers of the catalogue, and a cache that may run out."""
    left = leftovers(zabbix)
    if left:
        names = ", ".join(part.key for part in left[:_NAMED])
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        yield (
            f"no longer in the catalogue: {names}{more}; they stay with their history until "
            "`argus zabbix apply --delete-removed`"
        )
    yield from _cache(zabbix)


def _cache(zabbix: Zabbix) -> Iterator[str]:
    items = int(zabbix.read("item.get", countOutput=True, monitored=True))
    need = items * BYTES_AN_ITEM
    rows = zabbix.read("item.get", output=["lastvalue", "lastclock"], filter={"key_": _FREE_KEY})
    known = [float(row["lastvalue"]) for row in rows if row["lastclock"] != "0"]
    if known:
        if min(known) < LEAST_FREE:
            yield (
                f"only {min(known):.0f} % of the server's configuration cache are free with {items} items; "
                f"it exits when that runs out: raise CacheSize in zabbix_server.conf to {_mb(2 * need)}"
            )
    elif need > DEFAULT_CACHE / 2:
        yield (
            f"{items} items need about {_mb(need)} of the server's configuration cache, whose use is not "
            f"known (item {_FREE_KEY} has no value): set CacheSize in zabbix_server.conf to {_mb(2 * need)}"
        )


def _mb(size: int) -> str:
    return f"{max(1, size // 2**20)}M"
