"""The newest round of probes as it is stored: light, for those who only show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.store.engine import Store

SOURCE = "services"


def newest(store: Store) -> Mapping[str, Any]:
    """Return the newest round.  Raises ``ArgusError`` where there has been none."""
    with store.read() as session:
        row = snapshots.get(session, SOURCE)
        if row is None or not row.payload:
            why = (row.error if row is not None else "") or "no round has been made yet"
            raise ArgusError(f"nothing is known of services: {why}; see [services] file in argus.conf")
        found: Mapping[str, Any] = row.payload
    return found
