"""The host in Zabbix that stands for the correlator: what is known of it, and that it falls silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.render.names import CORRELATOR_HOST, template_name
from argus.zabbix.api import ZabbixError
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import CORRELATOR, OWN_GROUP
from argus.zabbix.groups import membership

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix


class CorrelatorHost:
    """Made once; whether it is enabled, and further groups and templates, are the administrator's."""

    title = "host of the correlator"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the host, or the template that it lacks."""
        found = zabbix.read(
            "host.get",
            output=["hostid"],
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
            return [Change(CREATE, "host", CORRELATOR, (f"template {name}",), lambda: _create(zabbix))]
        linked = found[0]["parentTemplates"]
        if any(template["host"] == name for template in linked):
            return []
        lacks = (f"lacks template {name}",)
        return [Change(UPDATE, "host", CORRELATOR, lacks, lambda: _link(zabbix, found[0]["hostid"], linked))]


def _membership(zabbix: Zabbix) -> dict[str, Any]:
    return membership(zabbix, OWN_GROUP, template_name(CORRELATOR_HOST))


def _create(zabbix: Zabbix) -> None:
    zabbix.call("host.create", host=CORRELATOR, **_membership(zabbix))


def _link(zabbix: Zabbix, hostid: str, linked: list[dict[str, Any]]) -> None:
    kept = [{"templateid": template["templateid"]} for template in linked]
    zabbix.call("host.update", hostid=hostid, templates=[*kept, *_membership(zabbix)["templates"]])
