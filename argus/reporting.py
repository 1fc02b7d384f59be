"""The job that tells Zabbix how the correlator does, and what it knows of services and of capacity."""

from __future__ import annotations

import json
import logging
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from argus.catalogue import correlator
from argus.render.names import CORRELATOR_HOST, master_key
from argus.reporting_capacity import fleets
from argus.reporting_incidents import listed
from argus.reporting_services import services
from argus.store import progress, pulses, reports
from argus.zabbix import fed_hosts
from argus.zabbix.desired import CORRELATOR
from argus.zabbix.trapper import NotTakenError, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from argus.site import Site
    from argus.store.models import ProgressRow

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between two reports
GAP = 4 * EVERY  # without a report: whoever reports was not there, and the other jobs neither
TIMEOUT = 10.0  # s, for each server
NO_JOBS: Mapping[str, float] = MappingProxyType({})
OWN = "report"  # what arrives proves that this job succeeds
READ_ZABBIX = frozenset({"follow", "guests"})  # cannot succeed while it is away, which is an incident already


def report(site: Site) -> bool:
    """Send a document of the correlator, of each service and of each fleet; false without a server.

    A host that Zabbix does not know yet is made, and gets its values at the next run.  Raises
    ``ZabbixError`` when no server takes them, ``StoreError`` without the database: the silence is seen.
    """
    if not site.trappers.addresses:
        return False
    with site.store.write() as session:
        begun = progress.begun(session, OWN, site.clock(), GAP)
    with site.store.read() as session:
        now = site.clock()
        own = document(session, now, site.may_age, begun)
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


def document(
    session: Session, now: float, may_age: Mapping[str, float] = NO_JOBS, begun: float = 0.0
) -> dict[str, Any]:
    """What the template ``Argus correlator by trapper`` is made of.

    ``may_age`` is how old the success of each job may be, in seconds; ``begun`` is when reporting began, or
    began again: what happened before, while nothing ran, makes no job late.
    """
    counted = reports.counts(session, ("open", "pending"))
    waiting, oldest = reports.overdue(session, now)
    zabbix = pulses.get(session)

    def opened(severity: str | None) -> int:
        return sum(n for (phase, s, _), n in counted.items() if phase == "open" and severity in {None, s})

    return {
        correlator.OPEN.field: opened(None),
        correlator.HIGH.field: opened("HIGH"),
        correlator.AVERAGE.field: opened("AVERAGE"),
        correlator.WARNING.field: opened("WARNING"),
        correlator.PENDING.field: sum(n for (phase, _, _), n in counted.items() if phase == "pending"),
        correlator.LIST.field: listed(session),
        correlator.WAITING.field: waiting,
        correlator.OLDEST.field: max(0.0, now - oldest) if oldest is not None else 0.0,
        correlator.DEAD.field: reports.outbox(session).by_state.get("dead", 0),
        correlator.TASK.plural: [
            _task(row, now, may_age.get(row.task, 0.0), begun, zabbix) for row in reports.progress(session)
        ],
    }


def _task(
    row: ProgressRow, now: float, may_age: float, begun: float, zabbix: pulses.Pulse | None
) -> dict[str, Any]:
    """Return what is told of a job; of one that this site does not have, that it may be of any age."""
    told: dict[str, Any] = {"task": row.task, correlator.TASK_SECONDS.field: row.seconds}
    if row.task == OWN:
        return told
    told[correlator.TASK_MAY_AGE.field] = may_age
    since = row.last_success or row.first_run  # what never succeeded is as late as what did not for that long
    if row.task in READ_ZABBIX and zabbix is not None:
        since = None if zabbix.lost else max(since or 0.0, zabbix.awake_since)
    if may_age and since:
        told[correlator.TASK_AGE.field] = max(0.0, now - max(since, begun))
    return told
