"""The newest round of probes as it is stored: light, for those who only show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.store.engine import Store

SOURCE = "services"


NOVA_COMPUTE = "nova-compute"


def zones_of_nodes(store: Store) -> dict[str, str]:
    """Return the availability zone of each node, by Nova's name for it; empty where Nova is not asked."""
    with store.read() as session:
        row = snapshots.get(session, SOURCE)
        payload = row.payload if row is not None and row.payload else {}
        return {
            part[1]: part[5]
            for each in payload.get("services", ())
            for part in each["parts"]
            if part[0] == NOVA_COMPUTE and part[1] and part[5]
        }


def newest(store: Store) -> Mapping[str, Any]:
    """Return the newest round.  Raises ``ArgusError`` where there has been none."""
    with store.read() as session:
        row = snapshots.get(session, SOURCE)
        if row is None or not row.payload:
            why = (row.error if row is not None else "") or "no round has been made yet"
            raise ArgusError(f"nothing is known of services: {why}; see [services] file in argus.conf")
        found: Mapping[str, Any] = row.payload
    return found
