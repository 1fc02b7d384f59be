"""What an administrator chose in our templates, told from what we made, so that an import does not undo it.

Three documents: the catalogue's of now, what is there (exported), and what an apply made last.  Where what
is there differs from what was made, somebody chose it.  Pure.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from argus.render.template import CHOICES_STAY, default_note
from argus.zabbix.changes import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Part = dict[str, Any]

_FIELDS = (
    "status",
    "priority",
    "discover",
    "history",
    "trends",
    "lifetime",
    "lifetime_type",
    "enabled_lifetime",
    "enabled_lifetime_type",
)
_WHOLE = ("filter", "overrides")  # of discovery rules: kept whole or not at all
_GROUPS = ("template_groups", "groups", "host_groups")
SECRET = "SECRET_TEXT"  # noqa: S105  # a macro's type, whose value no export tells


def keep_choices(document: Part, exported: Part, made: Part | None = None) -> Part:
    """Return ``document`` with an administrator's choices taken over from ``exported``.

    Kept are further groups, tags, macros and mappings of values, values and types of macros, and of items,
    triggers, rules and prototypes what ``_FIELDS`` and ``_WHOLE`` name, where it differs from ``made``.
    Without ``made`` nobody knows whose a value is: it stays as it is there.  But an Argus from before this
    kept nothing beyond ``status``: all else there is ours.
    """
    merged = copy.deepcopy(document)
    ours, theirs = _template(merged), _template(exported)
    before = _template(made) if made else {}
    ours["macros"] = _macros(ours.get("macros", []), theirs.get("macros", []), before.get("macros"))
    ours["tags"] = _united(ours.get("tags", []), theirs.get("tags", []), before.get("tags", []))
    ours["groups"] = _united(ours["groups"], theirs["groups"])
    _declare_groups(merged["zabbix_export"], exported["zabbix_export"], ours["groups"])
    existing = {part["uuid"]: part for part in parts(exported)}
    known = {part["uuid"]: part for part in parts(made)} if made else {}
    older = made is None and CHOICES_STAY not in theirs.get("description", "")
    for part in parts(merged):
        if part["uuid"] in existing and part is not ours:
            there, was = existing[part["uuid"]], known.get(part["uuid"])
            _keep(part, there, {**there, "status": "not known"} if older else was)
    return {"zabbix_export": merged["zabbix_export"]}


def secrets_of(exported: Part) -> list[str]:
    """Return the macros of the template whose values an export does not tell, and an import would empty."""
    return [macro["macro"] for macro in _template(exported).get("macros", []) if macro.get("type") == SECRET]


def parts(tree: Any) -> Iterator[Part]:
    """Yield everything below ``tree`` that has a UUID."""
    if isinstance(tree, dict):
        if "uuid" in tree:
            yield tree
        for branch in tree.values():
            yield from parts(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from parts(branch)


def _template(document: Part) -> Part:
    found: Part = document["zabbix_export"]["templates"][0]
    return found


def _keep(part: Part, theirs: Part, made: Part | None) -> None:
    """Take over what somebody chose of one object; a field that is left out has Zabbix' default."""
    for name in _FIELDS:
        untouched = made is not None and same({name: theirs.get(name)}, {name: made.get(name)})
        if not untouched:
            part.pop(name, None)
            if name in theirs:
                part[name] = theirs[name]
    for name in _WHOLE:
        untouched = made is not None and same(_plain(theirs.get(name)), _plain(made.get(name)))
        if not untouched and (made is not None or theirs.get(name)):
            part.pop(name, None)
            if theirs.get(name):
                part[name] = theirs[name]
    if "tags" in part or "tags" in theirs:
        part["tags"] = _united(part.get("tags", []), theirs.get("tags", []), (made or {}).get("tags", []))
    if "mappings" in part:
        part["mappings"] = _mappings(
            part["mappings"], theirs.get("mappings", []), (made or {}).get("mappings", [])
        )


def _plain(value: Any) -> Any:
    """A filter without the letters that Zabbix gives to its conditions; they say nothing but in a formula."""
    if not isinstance(value, dict) or value.get("formula"):
        return value
    conditions = [
        {name: text for name, text in condition.items() if name != "formulaid"}
        for condition in value.get("conditions", [])
    ]
    return {**value, "conditions": conditions}


def _mappings(ours: list[Part], theirs: list[Part], made: list[Part]) -> list[Part]:
    """Ours, then what somebody added for values of which we say nothing."""
    taken = {_mapped(mapping) for mapping in (*ours, *made)}
    return [*ours, *(mapping for mapping in theirs if _mapped(mapping) not in taken)]


def _mapped(mapping: Part) -> tuple[str, str]:
    return mapping.get("type", "EQUAL"), mapping.get("value", "")


def _macros(ours: list[Part], theirs: list[Part], made: list[Part] | None) -> list[Part]:
    existing = {macro["macro"]: macro for macro in theirs}
    known = {macro["macro"]: macro for macro in made or ()}
    merged = [_macro(macro, existing.pop(macro["macro"], macro), known.get(macro["macro"])) for macro in ours]
    return sorted([*merged, *existing.values()], key=lambda macro: str(macro["macro"]))


def _macro(ours: Part, theirs: Part, made: Part | None) -> Part:
    """A value is ours when it is what was made, or what the description there calls the default."""
    value, note = theirs.get("value", ""), theirs.get("description", "")
    untouched = note.endswith(default_note(value)) or (made is not None and value == made["value"])
    kept = dict(ours) if untouched else ours | {"value": value}
    if note and default_note("") not in note:  # somebody's own words: ours always name the default
        kept["description"] = note
    if theirs.get("type"):
        kept |= {"type": theirs["type"], "value": value}
    if kept.get("type") == SECRET:
        del kept["value"]
    return kept


def _united(ours: list[Part], theirs: list[Part], made: list[Part] | tuple[()] = ()) -> list[Part]:
    """Ours, then what somebody added: what was made once and is wanted no more is nobody's."""
    return [*ours, *(part for part in theirs if part not in ours and part not in made)]


def _declare_groups(export: Part, exported: Part, wanted: list[Part]) -> None:
    """A document names its groups with their UUIDs, in a part of its own."""
    (own,) = [name for name in _GROUPS[:2] if name in export]
    names = {group["name"] for group in wanted} - {group["name"] for group in export[own]}
    there: dict[str, Mapping[str, Any]] = {
        group["name"]: group for part in _GROUPS for group in exported.get(part, []) if group["name"] in names
    }
    export[own] = [*export[own], *there.values()]
