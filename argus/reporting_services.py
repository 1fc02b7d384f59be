"""What is told to Zabbix of each service, out of the newest round of probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.catalogue import openstack_service
from argus.correlator.service import State
from argus.render.names import SERVICE_HOST
from argus.services_round import SOURCE
from argus.store import snapshots
from argus.zabbix.fed_hosts import Fed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

OLDEST = 300.0  # s; an older round says nothing about now
LONGEST_TEXT = 255  # characters of a text item in Zabbix
MOST_INSTANCES = (
    100  # listed of one service: computes and agents beyond that have hosts of their own, or a table
)
_STATUS = {State.DOWN: 0, State.DEGRADED: 1, State.UP: 2}
_WORKS = {State.DOWN: 0, State.DEGRADED: 1, State.UP: 1}


def services(session: Session, now: float) -> Iterator[Fed]:
    """Yield each service; nothing without a round that is fresh."""
    row = snapshots.get(session, SOURCE)
    if row is None or not row.payload or now - float(row.payload["at"]) > OLDEST:
        return
    for each in row.payload["services"]:
        place = "/".join(part for part in (each["cloud"], each["region"]) if part)
        tags = {"service": each["name"], "cloud": each["cloud"], "region": each["region"]}
        yield Fed(
            SERVICE_HOST,
            f"{place}/{each['name']}" if place else each["name"],
            tuple(sorted((tag, value) for tag, value in tags.items() if value)),
            document(each),
        )


def document(each: Mapping[str, Any]) -> dict[str, Any]:
    """What the template ``Argus OpenStack service by trapper`` is made of; what is not known is absent."""
    parts = [part for part in each["parts"] if State(part[2]) is not State.DISABLED]
    works = [_WORKS[State(part[2])] for part in parts if State(part[2]) in _WORKS]
    status, latency = _STATUS.get(State(each["state"])), each["latency"]
    known = {
        openstack_service.STATUS.field: status,
        openstack_service.LATENCY.field: latency,
        openstack_service.INSTANCES.field: len(parts) if parts else None,
        openstack_service.INSTANCES_UP.field: sum(works) if parts else None,
        openstack_service.DETAIL.field: (each["message"] or each["state"])[:LONGEST_TEXT],
        openstack_service.INSTANCE.plural: _instances(parts) if 0 < len(parts) <= MOST_INSTANCES else None,
    }
    return {field: value for field, value in known.items() if value is not None}


def _instances(parts: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Each once: two of one name on one host would be one item."""
    found: dict[str, dict[str, Any]] = {}
    for kind, host, state, *_ in parts:
        name = f"{kind}@{host}" if host else kind
        up = _WORKS.get(State(state))
        found[name] = {"instance": name} | ({} if up is None else {openstack_service.INSTANCE_UP.field: up})
    return list(found.values())
