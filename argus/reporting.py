"""The job that tells Zabbix how the correlator does, and what it knows of services and of capacity."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from argus.catalogue import correlator
from argus.render.names import CORRELATOR_HOST, master_key
from argus.reporting_capacity import fleets
from argus.reporting_incidents import listed
from argus.reporting_services import services
from argus.store import reports
from argus.zabbix import fed_hosts
from argus.zabbix.desired import CORRELATOR
from argus.zabbix.trapper import NotTakenError, send

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.site import Site

TIMEOUT = 10.0  # s, for each server


def report(site: Site) -> bool:
    """Send a document of the correlator, of each service and of each fleet; false without a server.

    A host that Zabbix does not know yet is made, and gets its values at the next run.  Raises
    ``ZabbixError`` when no server takes them, ``StoreError`` without the database: the silence is seen.
    """
    if not site.trappers.addresses:
        return False
    with site.store.read() as session:
        now = site.clock()
        own = document(session, now)
        others = [*chain(services(session, now), fleets(session, now))]
    own |= _queue(site)
    send(site.trappers, CORRELATOR, master_key(CORRELATOR_HOST), json.dumps(own), TIMEOUT)
    refused = [fed for fed in others if not _taken(site, fed)]
    if refused and site.zabbix is not None:
        with site.zabbix.session() as zabbix:
            fed_hosts.make(zabbix, refused, site.trappers.tls)
    return True


def _queue(site: Site) -> dict[str, int]:
    """Nothing where there is no queue, or it cannot be read: absent is not zero."""
    waiting = site.queue() if site.queue is not None else None
    return {} if waiting is None else {correlator.QUEUE.field: waiting}


def _taken(site: Site, fed: fed_hosts.Fed) -> bool:
    try:
        send(site.trappers, fed.host, master_key(fed.kind), json.dumps(fed.document), TIMEOUT)
    except NotTakenError:
        return False
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
        correlator.LIST.field: listed(session),
        correlator.WAITING.field: sum(outbox.by_state.get(state, 0) for state in ("pending", "leased")),
        correlator.OLDEST.field: max(0.0, now - outbox.oldest) if outbox.oldest is not None else 0.0,
        correlator.DEAD.field: outbox.by_state.get("dead", 0),
        correlator.TASK.plural: [
            {
                "task": row.task,
                correlator.TASK_SECONDS.field: row.seconds,
                # What never succeeded is as late as what did not for that long.
                **(
                    {correlator.TASK_AGE.field: now - since}
                    if (since := row.last_success or row.first_run)
                    else {}
                ),
            }
            for row in reports.progress(session)
        ],
    }
