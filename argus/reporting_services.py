"""What is told to Zabbix of each service, out of the newest round of probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.render.names import SERVICE_HOST
from argus.services_round import SOURCE
from argus.services_values import document
from argus.store import snapshots
from argus.zabbix.fed_hosts import Fed, technical_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

OLDEST = 300.0  # s; an older round says nothing about now


def services(session: Session, now: float) -> Iterator[Fed]:
    """Yield each service; nothing without a round that is fresh."""
    row = snapshots.get(session, SOURCE)
    if row is None or not row.payload or now - float(row.payload["at"]) > OLDEST:
        return
    yield from map(fed_of, row.payload["services"])


def host_of(entry: Mapping[str, Any]) -> str:
    """Return the technical name of the host in Zabbix of one service of a round."""
    return technical_name(SERVICE_HOST, _name(entry))


def _name(entry: Mapping[str, Any]) -> str:
    return "/".join(part for part in (entry["cloud"], entry["region"], entry["name"]) if part)


def fed_of(entry: Mapping[str, Any]) -> Fed:
    """Return the host of one service of a round, and what is sent to it."""
    tags = {"service": entry["name"], "cloud": entry["cloud"], "region": entry["region"]}
    return Fed(
        SERVICE_HOST,
        _name(entry),
        tuple(sorted((tag, value) for tag, value in tags.items() if value)),
        document(entry),
    )
