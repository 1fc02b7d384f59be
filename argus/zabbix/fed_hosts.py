"""Hosts in Zabbix that the correlator feeds: a service, a fleet.  Made when they are first told of."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.render.names import FLEET_HOST, SERVICE_HOST, template_name
from argus.zabbix.api import ZabbixError
from argus.zabbix.desired import FLEETS_GROUP, SERVICES_GROUP
from argus.zabbix.groups import membership
from argus.zabbix.host_encryption import accepts, fields

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from argus.zabbix.api import Zabbix
    from argus.zabbix_encryption import Tls

log = logging.getLogger(__name__)

GROUP_OF = {SERVICE_HOST: SERVICES_GROUP, FLEET_HOST: FLEETS_GROUP}
LONGEST_NAME = 128  # of a host in Zabbix, in characters
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_.-]+")  # Zabbix' API, host object; a space only between words


@dataclass(frozen=True, slots=True)
class Fed:
    """One host and what is to be sent to it; ``name`` is a service's or fleet's, ``CLOUD/REGION/NAME``."""

    kind: str
    name: str
    tags: tuple[tuple[str, str], ...]
    document: Mapping[str, Any]

    @property
    def host(self) -> str:
        """The technical name: of letters that Zabbix allows, and not to be taken for a machine's."""
        return technical_name(self.kind, self.name)


def technical_name(kind: str, name: str) -> str:
    """The name of the host of a service or fleet; of all of a kind, its beginning is that of no name."""
    words = _NOT_IN_NAMES.sub(" ", name).strip()
    return f"Argus {kind} {words}"[:LONGEST_NAME].rstrip()


def make(zabbix: Zabbix, wanted: Collection[Fed], tls: Tls) -> int:
    """Make those hosts that are missing, and have all take values as they are sent; returns how many.

    A host of that name in another group is somebody's: it is left alone, and named in the log.
    Raises ``ZabbixError``.
    """
    names = sorted({fed.host for fed in wanted})
    found = zabbix.read("host.get", output=["hostid", "host", "tls_accept"], filter={"host": names})
    there = {row["host"] for row in found}
    changed = [row for row in found if not accepts(row, tls)]
    for row in changed:
        zabbix.call("host.update", hostid=row["hostid"], **fields(tls))
    made = len(changed)
    for fed in {fed.host: fed for fed in wanted}.values():
        if fed.host in there:
            continue
        try:
            _create(zabbix, fed, tls)
        except ZabbixError as exc:
            if "already exists" not in str(exc):
                raise
            log.warning("host %s is not ours (it is not in %s): rename it", fed.host, GROUP_OF[fed.kind])
            continue
        made += 1
    return made


def _create(zabbix: Zabbix, fed: Fed, tls: Tls) -> None:
    zabbix.call(
        "host.create",
        host=fed.host,
        name=f"{fed.name} ({fed.kind})",
        tags=[{"tag": tag, "value": value} for tag, value in fed.tags],
        **membership(zabbix, GROUP_OF[fed.kind], template_name(fed.kind)),
        **fields(tls),
    )
