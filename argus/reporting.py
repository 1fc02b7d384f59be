"""The job that tells Zabbix how the correlator does, so that its silence is a problem too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argus.catalogue import correlator
from argus.render.names import CORRELATOR_HOST, master_key
from argus.store import reports
from argus.zabbix.desired import CORRELATOR
from argus.zabbix.trapper import send

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.site import Site

TIMEOUT = 10.0  # s, for each server


def report(site: Site) -> bool:
    """Send one document; false when no server is configured.

    Raises ``ZabbixError`` when no server takes it, ``StoreError`` without the database: the silence is seen.
    """
    if not site.trappers:
        return False
    with site.store.read() as session:
        text = json.dumps(document(session, site.clock()))
    send(site.trappers, CORRELATOR, master_key(CORRELATOR_HOST), text, TIMEOUT)
    return True


def document(session: Session, now: float) -> dict[str, Any]:
    """What the template ``Argus correlator by trapper`` is made of."""
    counted = reports.counts(session, ("open", "pending"))
    outbox = reports.outbox(session)

    def opened(severity: str | None) -> int:
        return sum(n for (phase, s, _), n in counted.items() if phase == "open" and severity in {None, s})

    return {
        correlator.OPEN.field: opened(None),
        correlator.HIGH.field: opened("HIGH"),
        correlator.AVERAGE.field: opened("AVERAGE"),
        correlator.WARNING.field: opened("WARNING"),
        correlator.PENDING.field: sum(n for (phase, _, _), n in counted.items() if phase == "pending"),
        correlator.WAITING.field: sum(outbox.by_state.get(state, 0) for state in ("pending", "leased")),
        correlator.OLDEST.field: max(0.0, now - outbox.oldest) if outbox.oldest is not None else 0.0,
        correlator.DEAD.field: outbox.by_state.get("dead", 0),
        correlator.TASK.plural: [
            {
                "task": row.task,
                correlator.TASK_SECONDS.field: row.seconds,
                **({correlator.TASK_AGE.field: now - row.last_success} if row.last_success else {}),
            }
            for row in reports.progress(session)
        ],
    }
