"""Templates: imported from the catalogue, without undoing what an administrator chose."""

from __future__ import annotations

import copy
import json
import time
from typing import TYPE_CHECKING, Any

from argus.catalogue import SUBSYSTEMS
from argus.render import native7
from argus.render.names import HOSTS, template_name
from argus.render.template import default_note, template_document
from argus.zabbix.api import ZabbixClashError, ZabbixError
from argus.zabbix.changes import CREATE, UPDATE, Change, same
from argus.zabbix.host_choices import disabled_on_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.zabbix.api import Zabbix

_MOST_NAMES = 5  # named in a plan; the rest is counted
_NATIVE_SINCE = (7, 0)  # before, the documents of 6.0 are imported
_CLASH_PAUSES = (1.0, 5.0)  # s, before an import that the database broke off is tried again


class Templates:
    """The templates that ``argus render`` makes."""

    title = "templates"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Compare by Zabbix' own ``configuration.importcompare``."""
        return [change for host in HOSTS for change in _plan_template(zabbix, host)]


def _plan_template(zabbix: Zabbix, host: str) -> list[Change]:
    name = template_name(host)
    document = template_document(host, SUBSYSTEMS)
    _refuse_foreign(zabbix, name, document)
    exported = _export(zabbix, name)
    if exported is not None:
        document = keep_choices(document, exported)
    if zabbix.version >= _NATIVE_SINCE:
        document = native7.native(document)
    differences = list(_differences(_compare(zabbix, document)))
    if not differences:
        return []
    verb = UPDATE if exported is not None else CREATE
    details = tuple(_summary(differences)) if exported is not None else ()
    return [Change(verb, "template", name, details, lambda: _import(zabbix, document))]


def _refuse_foreign(zabbix: Zabbix, name: str, document: dict[str, Any]) -> None:
    """A template of our name with another identity cannot be updated, only be in the way."""
    found = zabbix.read("template.get", output=["uuid"], filter={"host": [name]})
    ours = document["zabbix_export"]["templates"][0]["uuid"]
    if any(template["uuid"] != ours for template in found):
        raise ZabbixError(
            f"{zabbix.url} has another template called {name!r} (UUID {found[0]['uuid']}, ours is {ours}): "
            "rename it or delete it, then run this again"
        )


def export(zabbix: Zabbix) -> str:
    """Return the templates of Argus as they are there, as YAML.  ``ZabbixError`` when there are none."""
    names = [template_name(host) for host in HOSTS]
    found = zabbix.read("template.get", output=["templateid"], filter={"host": names})
    if not found:
        raise ZabbixError(f"{zabbix.url} has no template of Argus; `argus zabbix apply` makes them")
    ids = [template["templateid"] for template in found]
    return str(zabbix.read("configuration.export", format="yaml", options={"templates": ids}))


def keep_choices(document: dict[str, Any], exported: dict[str, Any]) -> dict[str, Any]:
    """Return ``document`` with an administrator's additions to the template taken over from ``exported``.

    Kept are further groups, tags and macros, macro values that differ from their former default, and
    whether items, triggers and discovery rules are enabled.  An import would reset all of these.
    """
    merged = copy.deepcopy(document)
    ours = merged["zabbix_export"]["templates"][0]
    theirs = exported["zabbix_export"]["templates"][0]
    ours["macros"] = _merged_macros(ours.get("macros", []), theirs.get("macros", []))
    ours["tags"] = _united(ours.get("tags", []), theirs.get("tags", []))
    ours["groups"] = _united(ours["groups"], theirs["groups"])
    groups = [
        group
        for part in ("groups", "template_groups", "host_groups")
        for group in exported["zabbix_export"].get(part, [])
        if group["name"] in {wanted["name"] for wanted in ours["groups"]}
    ]
    merged["zabbix_export"]["groups"] = _united(merged["zabbix_export"]["groups"], groups, by="name")
    _keep_statuses(merged, exported)
    return {"zabbix_export": merged["zabbix_export"]}


def _merged_macros(ours: list[dict[str, str]], theirs: list[dict[str, str]]) -> list[dict[str, str]]:
    existing = {macro["macro"]: macro for macro in theirs}
    merged = []
    for macro in ours:
        old = existing.pop(macro["macro"], macro)
        untouched = old.get("description", "").endswith(default_note(old.get("value", "")))
        merged.append(macro if untouched else macro | {"value": old.get("value", "")})
    return sorted([*merged, *existing.values()], key=lambda macro: macro["macro"])


def _united(
    ours: list[dict[str, str]], theirs: list[dict[str, str]], by: str | None = None
) -> list[dict[str, str]]:
    known = [part[by] if by else part for part in ours]
    return [*ours, *(part for part in theirs if (part[by] if by else part) not in known)]


def _keep_statuses(document: dict[str, Any], exported: dict[str, Any]) -> None:
    """Take the status of everything that exists already, by UUID; no status means enabled."""
    existing = {part["uuid"]: part.get("status") for part in _parts(exported)}
    for part in _parts(document):
        if part["uuid"] not in existing:
            continue
        part.pop("status", None)
        if existing[part["uuid"]]:
            part["status"] = existing[part["uuid"]]


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Everything below ``tree`` that has a UUID."""
    if isinstance(tree, dict):
        if "uuid" in tree:
            yield tree
        for branch in tree.values():
            yield from _parts(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from _parts(branch)


def _export(zabbix: Zabbix, name: str) -> dict[str, Any] | None:
    found = zabbix.read("template.get", output=["templateid"], filter={"host": [name]})
    if not found:
        return None
    ids = [template["templateid"] for template in found]
    text = zabbix.read("configuration.export", format="json", options={"templates": ids})
    document: dict[str, Any] = json.loads(text)
    return document


def import_rules(zabbix: Zabbix) -> dict[str, Any]:
    """Return what an import makes and updates; it deletes nothing."""
    both = {"createMissing": True, "updateExisting": True}
    groups = ("template_groups", "host_groups") if zabbix.has_template_groups else ("groups",)
    parts = (
        *groups,
        "templates",
        "items",
        "discoveryRules",
        "triggers",
        "graphs",
        "valueMaps",
        "templateDashboards",
    )
    return dict.fromkeys(parts, both)


def _compare(zabbix: Zabbix, document: dict[str, Any]) -> dict[str, Any]:
    result = zabbix.read(
        "configuration.importcompare", format="json", source=json.dumps(document), rules=import_rules(zabbix)
    )
    return result or {}  # PHP says [] for nothing


def _import(zabbix: Zabbix, document: dict[str, Any]) -> None:
    disabled = disabled_on_hosts(zabbix, document["zabbix_export"]["templates"][0]["template"])
    source, rules = json.dumps(document), import_rules(zabbix)
    for pause in _CLASH_PAUSES:  # a server that discovers things on thousands of hosts writes all the time
        try:
            zabbix.call("configuration.import", format="json", source=source, rules=rules)
            break
        except ZabbixClashError:
            time.sleep(pause)
    else:
        zabbix.call("configuration.import", format="json", source=source, rules=rules)
    disabled.restore(zabbix)


def _differences(tree: dict[str, Any], kind: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (verb, kind, name) from the tree of ``importcompare``, without what only looks different."""
    for member, branch in tree.items():
        if member in {"added", "removed"}:
            for part in branch:
                yield member, kind, _name(part.get("after") or part["before"])
        elif member == "updated":
            for part in branch:
                if not same(part["before"], part["after"]):
                    yield member, kind, _name(part["after"])
                yield from _differences({k: v for k, v in part.items() if k not in {"before", "after"}})
        elif isinstance(branch, dict):
            yield from _differences(branch, member)


def _name(part: dict[str, Any]) -> str:
    return str(part.get("name") or part.get("macro") or part.get("key") or part.get("uuid", ""))


def _summary(differences: list[tuple[str, str, str]]) -> Iterator[str]:
    for verb, kind in dict.fromkeys((verb, kind) for verb, kind, _ in differences):
        names = [name for v, k, name in differences if (v, k) == (verb, kind)]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield f"{kind.replace('_', ' ')} {verb}: {', '.join(names[:_MOST_NAMES])}{more}"
