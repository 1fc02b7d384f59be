"""The answer of ``configuration.importcompare`` as lines for a person: from what to what.  Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argus.zabbix.changes import same

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = {"macros": "macro", "pages": "name"}  # lists whose elements have a name of their own
_SINGULAR = {"discovery_rules": "discovery rule", "valuemaps": "value map"}


def differences(tree: dict[str, Any], kind: str = "") -> Iterator[str]:
    """Yield a line for each object that comes and each field that changes, in more than how it looks."""
    for member, branch in tree.items():
        if member in {"added", "removed"}:
            for part in branch:
                yield f"{kind} {member}: {_name(part.get('after') or part['before'])}"
        elif member == "updated":
            for part in branch:
                for line in _fields(part["before"], part["after"]):
                    yield f"{kind} updated: {_name(part['after'])}: {line}"
                yield from differences({k: v for k, v in part.items() if k not in {"before", "after"}})
        elif isinstance(branch, dict):
            yield from differences(branch, _SINGULAR.get(member, member.removesuffix("s").replace("_", " ")))


def _name(part: dict[str, Any]) -> str:
    return str(part.get("name") or part.get("macro") or part.get("key") or part.get("uuid", ""))


def _fields(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if same({name: old}, {name: new}):
            continue
        if isinstance(old or new, list):
            yield from _elements(name, old or [], new or [])
        else:
            yield f"{name} {_text(old)} -> {_text(new)}"


def _elements(name: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    """Of lists what is gone and what is new; of an element with a name, what is new in it."""
    gone = [part for part in old if not any(same(part, other) for other in new)]
    come = [part for part in new if not any(same(part, other) for other in old)]
    if not gone and not come:
        yield f"{name}: another order"
    key = _KEYS.get(name)
    if key:
        was = {part[key]: part for part in gone if part.get(key)}
        for part in [part for part in come if part.get(key) in was]:
            come.remove(part)
            gone.remove(was[part[key]])
            for line in _fields(was[part[key]], part):
                yield f"{part[key]}: {line}"
    yield from (f"{name} -{_text(part)}" for part in gone)
    yield from (f"{name} +{_text(part)}" for part in come)


def _text(value: Any) -> str:
    """On one line, as Zabbix' files write it; what is left out is Zabbix' default."""
    if value is None:
        return "(default)"
    return json.dumps(value, ensure_ascii=False)
