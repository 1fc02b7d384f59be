"""The end of services' hosts in Zabbix: what is probed no longer has none for ever."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from argus.correlator.service import State
from argus.correlator.service_life import Absence, Seen, decide
from argus.reporting_services import OLDEST, host_of
from argus.services_round import SOURCE
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from argus.correlator.service_life import Ending
    from argus.site import Site
    from argus.zabbix.api import Zabbix

log = logging.getLogger(__name__)

MEMORY = "service-hosts"  # since when which service is gone, and which host Argus disabled


def keep(
    site: Site, zabbix: Zabbix, disable_after: float, remove_after: float, alive: Callable[[], None]
) -> None:
    """Disable, enable again and remove hosts; nothing without a round that is fresh.  Raises ``ZabbixError``.

    That Argus disabled a host is written down before it does and forgotten after it enabled it again: after
    a crash in between the next run goes on.
    """
    from argus.zabbix import service_hosts  # noqa: PLC0415  # only who keeps Zabbix needs its client

    now = site.clock()
    with site.store.read() as session:
        seen, known = _seen(session, now), _known(session)
    if seen is None:
        return
    hosts = service_hosts.read(zabbix)
    alive()
    ending = decide(hosts, seen, known, disable_after, remove_after, now)
    service_hosts.set_status(zabbix, ending.enable, enabled=True)
    if ending.memory != known:
        with site.store.write() as session:
            snapshots.put(session, MEMORY, {host: asdict(each) for host, each in ending.memory.items()}, now)
    service_hosts.set_status(zabbix, ending.disable, enabled=False)
    service_hosts.remove(zabbix, ending.remove)
    _tell(ending)


def _known(session: Session) -> dict[str, Absence]:
    row = snapshots.get(session, MEMORY)
    return {host: Absence(**each) for host, each in row.payload.items()} if row and row.payload else {}


def _seen(session: Session, now: float) -> list[Seen] | None:
    """Return what the newest round found, ``None`` when it is too old to say anything."""
    row = snapshots.get(session, SOURCE)
    if row is None or not row.payload or now - float(row.payload["at"]) > OLDEST:
        return None
    return [
        Seen(host_of(each), each["cloud"], each["kind"], State(each["state"]))
        for each in row.payload["services"]
    ]


def _tell(ending: Ending) -> None:
    for line in ending.held:
        log.warning("%s", line)
    told = (
        ("disabled: the service is probed no longer", ending.disable),
        ("enabled again: the service is back", ending.enable),
        ("removed with its history", ending.remove),
    )
    for what, hosts in told:
        for host in hosts:
            log.info("host %s %s", host.host, what)
