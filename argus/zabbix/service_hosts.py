"""The hosts of services in Zabbix: which there are, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.correlator.service_life import ServiceHost
from argus.render.names import SERVICE_HOST
from argus.zabbix.desired import SERVICES_GROUP
from argus.zabbix.fed_hosts import technical_name
from argus.zabbix.groups import group_ids
from argus.zabbix.guest_hosts import AT_ONCE, each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from argus.zabbix.api import Zabbix

_DISABLED = "1"
CLOUD_TAG = "cloud"


def read(zabbix: Zabbix) -> list[ServiceHost]:
    """Return every host that Argus has made of a service, disabled ones too.  Raises ``ZabbixError``."""
    groupid = group_ids(zabbix, (SERVICES_GROUP,)).get(SERVICES_GROUP)
    if groupid is None:
        return []
    rows = zabbix.read(
        "host.get", groupids=[groupid], output=["hostid", "host", "status"], selectTags=["tag", "value"]
    )
    ours = technical_name(SERVICE_HOST, "")
    return [_host(row) for row in rows if row["host"].startswith(ours)]


def _host(row: Mapping[str, Any]) -> ServiceHost:
    cloud = next((tag["value"] for tag in row["tags"] if tag["tag"] == CLOUD_TAG), "")
    return ServiceHost(row["hostid"], row["host"], cloud, row["status"] != _DISABLED)


def set_status(zabbix: Zabbix, hosts: Sequence[ServiceHost], *, enabled: bool) -> None:
    """Enable or disable hosts.  Raises ``ZabbixError``."""
    status = "0" if enabled else _DISABLED
    each(zabbix, "host.update", [{"hostid": host.hostid, "status": status} for host in hosts])


def remove(zabbix: Zabbix, hosts: Sequence[ServiceHost]) -> None:
    """Delete hosts with all their history.  Raises ``ZabbixError``."""
    for start in range(0, len(hosts), AT_ONCE):
        zabbix.call("host.delete", *(host.hostid for host in hosts[start : start + AT_ONCE]))
