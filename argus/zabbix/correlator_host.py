"""The host in Zabbix that stands for the correlator: what is known of it, and that it falls silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.render.names import CORRELATOR_HOST, template_name
from argus.zabbix.api import ZabbixError
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import CORRELATOR, OWN_GROUP
from argus.zabbix.groups import membership
from argus.zabbix.host_encryption import accepts, fields

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix
    from argus.zabbix_encryption import Tls


class CorrelatorHost:
    """Made once; whether it is enabled, and further groups and templates, are the administrator's."""

    title = "host of the correlator"

    def __init__(self, tls: Tls) -> None:
        """``tls`` is how the correlator sends."""
        self._tls = tls

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the host, or what it lacks: its template, or to take what is sent as it is sent."""
        found = zabbix.read(
            "host.get",
            output=["hostid", "tls_accept"],
            filter={"host": [CORRELATOR]},
            selectParentTemplates=["host", "templateid"],
            **{zabbix.select_host_groups: ["name"]},
        )
        groups = {group["name"] for host in found for group in host.get("hostgroups") or host["groups"]}
        if found and OWN_GROUP not in groups:
            raise ZabbixError(
                f"{zabbix.url} has a host {CORRELATOR!r} that is not ours: it is not in group {OWN_GROUP}; "
                "rename it, or put it into the group, then run this again"
            )
        name = template_name(CORRELATOR_HOST)
        if not found:
            return [Change(CREATE, "host", CORRELATOR, (f"template {name}",), lambda: self._create(zabbix))]
        linked = found[0]["parentTemplates"]
        unlinked = not any(template["host"] == name for template in linked)
        deaf = not accepts(found[0], self._tls)
        lacks = [
            *([f"lacks template {name}"] if unlinked else []),
            *([f"takes nothing that comes by [zabbix] tls_connect = {self._tls.connect}"] if deaf else []),
        ]

        def update() -> None:
            wanted: dict[str, Any] = fields(self._tls) if deaf else {}
            if unlinked:
                kept = [{"templateid": template["templateid"]} for template in linked]
                wanted["templates"] = [*kept, *_membership(zabbix)["templates"]]
            zabbix.call("host.update", hostid=found[0]["hostid"], **wanted)

        return [Change(UPDATE, "host", CORRELATOR, tuple(lacks), update)] if lacks else []

    def _create(self, zabbix: Zabbix) -> None:
        zabbix.call("host.create", host=CORRELATOR, **_membership(zabbix), **fields(self._tls))


def _membership(zabbix: Zabbix) -> dict[str, Any]:
    return membership(zabbix, OWN_GROUP, template_name(CORRELATOR_HOST))
