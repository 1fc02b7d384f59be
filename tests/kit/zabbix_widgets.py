"""Whether the widgets of Argus' dashboards show something, asked from a real Zabbix.

As its pages do it: a widget names items, graphs or groups by its fields, and on a template's dashboard each
host shows its own copy of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.render.names import HOSTS, template_name
from argus.zabbix.desired import DASHBOARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus.zabbix.api import Zabbix

# Types of fields, in Zabbix' API.
_GROUP, _ITEM, _GRAPH, _PROTOTYPE = "2", "4", "6", "7"
_NAMED_ITEM = re.compile(r"(columns|ds)(\.\d+)?\.items?(\.\d+)*")  # of 6.0 and of 7.0
_DISABLED = "1"

# Widgets that may be empty on the lab's data, and why: whatever else is empty is a defect.
EMPTY = {
    "node: Disks and vhost: vhost threads: CPU": "only guests whose packets vhost_net moves",
    "guest: CPU and steal: Pressure": "pressure of a cgroup needs cgroup v2",
    "node: CPU and overcommit: Dedicated CPUs": "only a node with dedicated_cpus",
    **dict.fromkeys(
        (
            "guest: Energy: Power of the guest (estimate)",
            "guest: Overview: Power of the guest (estimate)",
            "node: Energy: Node power: {#ZONE}",
            "node: Overview: Node power: {#ZONE}",
        ),
        "the lab's node has no meters of energy (RAPL)",
    ),
    **dict.fromkeys(
        (
            "guest: Helper processes of the guest: Helpers of the guest: {#ROLE}",
            "guest: Overview: Helpers of the guest: {#ROLE}",
        ),
        "the lab's guests have no swtpm or virtiofsd",
    ),
    **dict.fromkeys(
        (
            "guest: Overview: Virtual function {#VF}: traffic",
            "guest: Virtual functions (SR-IOV): Virtual function {#VF}: packets",
            "guest: Virtual functions (SR-IOV): Virtual function {#VF}: traffic",
            "node: Overview: Node NIC {#NIC}: virtual functions",
            "node: Virtual functions (SR-IOV): Node NIC {#NIC} virtual function {#VF}",
            "node: Virtual functions (SR-IOV): Node NIC {#NIC}: virtual functions",
        ),
        "only a card with virtual functions",
    ),
    **dict.fromkeys(
        (
            "guest: Overview: vCPUs taken off their CPU",
            "guest: Preemption of vCPUs: vCPUs taken off their CPU",
        ),
        "read every five minutes: a new guest's rate comes later than a test waits",
    ),
    "node: Disks and vhost: Multipath paths": "the lab's disks have one path",
    "node: Disks and vhost: RAID array {#ARRAY}": "the lab has no software RAID",
    **dict.fromkeys(
        (
            "node: Memory errors: Memory errors of {#CONTROLLER}",
            "node: Memory errors: Memory errors of {#CONTROLLER} {#DIMM}",
            "node: Overview: Memory errors of {#CONTROLLER}",
        ),
        "the lab's node has no EDAC driver",
    ),
}


@dataclass(frozen=True, slots=True)
class Copies:
    """What the hosts of a template have, by the id that it has in the template."""

    items: Mapping[str, list[dict[str, Any]]]
    graphs: Mapping[str, list[dict[str, Any]]]  # of a prototype, what was discovered by it

    def of(self, field: Mapping[str, str]) -> list[dict[str, Any]]:
        """The items on hosts that a field of a widget shows."""
        if field["type"] == _ITEM:
            return self.items[field["value"]]
        return [item for graph in self.graphs[field["value"]] for item in graph["items"]]


def empty_of_templates(zabbix: Zabbix) -> set[str]:
    """Widgets that show no value on any host: ``host: page: what``."""
    return {
        f"{host}: {page}: {what}"
        for host, page, what, shown in _of_templates(zabbix)
        if not any(_has_value(item) for item in shown)
    }


def disabled_lines(zabbix: Zabbix) -> set[str]:
    """Items that are switched off, and that a widget shows nevertheless."""
    return {
        f"{host}: {page}: {what}: {item['name']}"
        for host, page, what, shown in _of_templates(zabbix)
        for item in shown
        if item["status"] == _DISABLED
    }


def empty_of_fleet(zabbix: Zabbix) -> set[str]:
    """What shows nothing on the fleet dashboard: ``widget`` or ``widget: item``."""
    (dashboard,) = zabbix.read("dashboard.get", filter={"name": [DASHBOARD]}, selectPages="extend")
    return {
        what
        for page in dashboard["pages"]
        for widget in page["widgets"]
        for what, shown in _of_widget(zabbix, widget)
        if not shown
    }


def _of_widget(zabbix: Zabbix, widget: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each thing that the widget is to show, and what there is of it."""
    fields = widget["fields"]
    groups = [field["value"] for field in fields if field["type"] == _GROUP]
    if widget["type"] == "problems":
        yield widget["name"], zabbix.read("problem.get", groupids=groups, output=["eventid"])
        return
    within = {"groupids": groups} if groups else {}
    for field in fields:
        if field["type"] == _ITEM:
            yield widget["name"], _valued(zabbix, itemids=[field["value"]])
        elif _NAMED_ITEM.fullmatch(field["name"]):
            name = field["value"]
            yield f"{widget['name']}: {name}", _valued(zabbix, filter={"name": name}, **within)


def _valued(zabbix: Zabbix, **where: Any) -> list[dict[str, Any]]:
    rows = zabbix.read("item.get", output=["lastclock"], monitored=True, **where)
    return [row for row in rows if _has_value(row)]


def _has_value(item: Mapping[str, Any]) -> bool:
    return str(item["lastclock"]) != "0"


def _of_templates(zabbix: Zabbix) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """Yield host, page and name of each widget, and the items on hosts that it shows."""
    for host in HOSTS:
        (template,) = zabbix.read("template.get", filter={"host": [template_name(host)]}, output=["host"])
        copies = _copies(zabbix, template["templateid"])
        names = _graph_names(zabbix, template["templateid"])
        boards = zabbix.read(
            "templatedashboard.get", templateids=[template["templateid"]], selectPages="extend"
        )
        for page in (page for board in boards for page in board["pages"]):
            for widget in page["widgets"]:
                (field,) = [f for f in widget["fields"] if f["type"] in {_ITEM, _GRAPH, _PROTOTYPE}]
                yield host, page["name"], widget["name"] or names[field["value"]], copies.of(field)


def _graph_names(zabbix: Zabbix, templateid: str) -> dict[str, str]:
    return {
        row["graphid"]: row["name"]
        for kind in ("graph.get", "graphprototype.get")
        for row in zabbix.read(kind, templateids=[templateid], output=["graphid", "name"])
    }


def _copies(zabbix: Zabbix, templateid: str) -> Copies:
    hosts = zabbix.read("host.get", templateids=[templateid], output=["hostid"], filter={"status": 0})
    on = {"hostids": [row["hostid"] for row in hosts]}
    fields = ["itemid", "templateid", "name", "status", "lastclock"]
    items = zabbix.read("item.get", output=fields, **on)
    by_id = {item["itemid"]: item for item in items}
    graphs = zabbix.read(
        "graph.get",
        output=["graphid", "templateid"],
        selectItems=["itemid"],
        selectGraphDiscovery=["parent_graphid"],
        **on,
    )
    for graph in graphs:
        graph["items"] = [by_id[item["itemid"]] for item in graph["items"]]
    prototypes = zabbix.read("graphprototype.get", output=["graphid", "templateid"], **on)
    parents = {row["graphid"]: row["templateid"] for row in prototypes}
    return Copies(
        _by(items, lambda item: item["templateid"]),
        _by(graphs, lambda graph: parents.get(_prototype_of(graph)) or graph["templateid"]),
    )


def _prototype_of(graph: Mapping[str, Any]) -> str:
    return str((graph["graphDiscovery"] or {}).get("parent_graphid", ""))


def _by(rows: Iterable[dict[str, Any]], key: Any) -> Mapping[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[str(key(row))].append(row)
    return found
