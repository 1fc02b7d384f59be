"""The job that keeps acknowledgements and ranks the same in Argus and in Zabbix."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from argus.correlator.following import Told, plan
from argus.operating import take
from argus.store import leases, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from argus.site import Site
    from argus.store.models import IncidentRow

log = logging.getLogger(__name__)

LEASE = "follow"
LONGEST = 240.0  # seconds of one exchange with Zabbix
MOST = 5000  # incidents in one run, the newest first; the next run is seconds away


def follow(site: Site) -> bool:
    """Compare both sides once and write the difference; false when another process is at it.

    Raises ``ZabbixError`` when Zabbix cannot be asked, ``StoreError`` without the database.
    """
    if site.zabbix is None:
        return False
    lease = leases.acquire(site.store, LEASE, site.owner, site.lease_seconds, site.lease_clock())
    if lease is None:
        return False
    try:
        with site.store.read() as session:
            told = incidents(reports.incidents(session, ("pending", "open"), MOST))
        events = sorted({event for each in told for event in each.events})
        if events:
            with leases.kept(site.store, lease, site.lease_seconds, site.lease_clock, LONGEST) as alive:
                _exchange(site, told, events, alive)
    finally:
        leases.release(site.store, lease)
    return True


def _exchange(site: Site, told: Sequence[Told], events: list[str], alive: Callable[[], None]) -> None:
    from argus.zabbix import following  # noqa: PLC0415  # only who reads Zabbix needs its client

    assert site.zabbix is not None
    with site.zabbix.session() as zabbix:
        wanted = plan(told, following.read(zabbix, events), site.clock())
        alive()
        changed = following.write(zabbix, wanted)
    for number, author in wanted.taken.items():
        with site.store.write() as session:
            take(session, number, author, site.clock())
    if changed or wanted.taken:
        log.info("Zabbix: %s problems changed, %s incidents acknowledged there", changed, len(wanted.taken))


def incidents(rows: Sequence[IncidentRow]) -> tuple[Told, ...]:
    """Return what matters of incidents."""
    ids = {(row.rule, row.subject): row.id for row in rows}
    return tuple(
        Told(
            row.id,
            tuple(row.events),
            max(row.since, row.taken_up_at or 0.0),
            row.acked_by if row.acked_at is not None else "",
            ids.get((row.cause_rule, row.cause_subject)),
            row.told_at is not None,
            row.taken_up_at or 0.0,
        )
        for row in rows
    )
