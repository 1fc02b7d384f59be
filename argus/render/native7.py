"""A template document in the format of Zabbix 7.0: the same objects with the same UUIDs, in its own words.

7.0 imports the files of 6.0 as well.  Its own have what 6.0 has no word for: a vendor, and that discovered
objects which are lost are disabled after a day, and so their problems, but keep their history (7.0's own
default would disable a disk's items at once).
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from argus import __version__
from argus.render.items import GONE_AFTER, LOST_AFTER

FORMAT = "7.0"
_STRETCH = 3  # its grid has 72 columns
_WIDGETS = {"GRAPH_CLASSIC": "graph", "GRAPH_PROTOTYPE": "graphprototype", "ITEM": "item"}
_SIZES = {"width": "1", "x": "0"}  # 6.0's default, left out there


def native(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document for 7.0, from the one for 6.0, which stays as it is."""
    export = copy.deepcopy(document["zabbix_export"])
    groups = export.pop("groups")
    templates = [_template(template) for template in export.pop("templates")]
    head = {"version": FORMAT, "template_groups": groups, "templates": templates}
    return {"zabbix_export": head | {k: v for k, v in export.items() if k != "version"}}


def _template(template: dict[str, Any]) -> dict[str, Any]:
    for rule in template.get("discovery_rules", []):
        rule["lifetime"] = LOST_AFTER
        rule["enabled_lifetime_type"] = "DISABLE_AFTER"
        rule["enabled_lifetime"] = GONE_AFTER
    for dashboard in template.get("dashboards", []):
        for page in dashboard["pages"]:
            page["widgets"] = [_widget(widget, page["name"]) for widget in page["widgets"]]
    vendor = {"vendor": {"name": "Argus", "version": f"{FORMAT}-{__version__}"}}
    before = {name: template.pop(name) for name in ("uuid", "template", "name", "description")}
    return before | vendor | template


def _widget(widget: dict[str, Any], page: str) -> dict[str, Any]:
    place = {
        side: str(int(widget.get(side, default)) * _STRETCH)
        for side, default in _SIZES.items()
        if side in widget or side == "width"
    }
    fields = list(widget["fields"])
    if widget["type"] != "ITEM":  # what other widgets may listen to has a name of five letters
        fields.append({"type": "STRING", "name": "reference", "value": _reference(page, fields)})
    rest = {name: part for name, part in widget.items() if name not in {"type", "fields", *_SIZES}}
    return {"type": _WIDGETS[widget["type"]], **rest, **place, "fields": fields}


def _reference(page: str, fields: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256(repr((page, fields)).encode()).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:5])
