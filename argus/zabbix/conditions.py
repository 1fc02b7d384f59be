"""The conditions of an action, widened by ours without taking away an administrator's.  Pure."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Condition = Mapping[str, Any]

_CUSTOM = "3"  # the administrator's own formula over the letters of conditions
_FIELDS = ("conditiontype", "operator", "value", "value2")
_LETTERS = tuple(string.ascii_uppercase) + tuple(
    first + second for first in string.ascii_uppercase for second in string.ascii_uppercase
)


def lacking(stored: Mapping[str, Any], wanted: Iterable[Condition]) -> list[Condition]:
    """Return those of ``wanted`` that are not among the stored conditions."""
    there = {_key(condition) for condition in stored["conditions"]}
    return [condition for condition in wanted if _key(condition) not in there]


def widened(stored: Mapping[str, Any], more: Sequence[Condition], word: str) -> dict[str, Any]:
    """Return the filter to send: all that is there, and ``more``.

    How conditions are combined stays.  In a formula of somebody's own ours are joined by ``or``, and to it
    by ``word``.
    """
    custom = str(stored.get("evaltype")) == _CUSTOM
    kept = [_body(condition, letter=custom) for condition in stored["conditions"]]
    ours = [_body(condition, letter=False) for condition in more]
    if not custom:
        return {"evaltype": int(stored.get("evaltype") or 0), "conditions": [*kept, *ours]}
    taken = {condition["formulaid"] for condition in kept}
    free = [letter for letter in _LETTERS if letter not in taken][: len(ours)]
    ours = [condition | {"formulaid": letter} for condition, letter in zip(ours, free, strict=True)]
    formula = f"({stored['formula']}) {word} ({' or '.join(free)})" if ours else stored["formula"]
    return {"evaltype": int(_CUSTOM), "formula": formula, "conditions": [*kept, *ours]}


def _key(condition: Condition) -> tuple[str, ...]:
    return tuple(str(condition.get(name, "")) for name in _FIELDS)


def _body(condition: Condition, *, letter: bool) -> dict[str, Any]:
    names = (*_FIELDS, "formulaid") if letter else _FIELDS
    return {name: condition[name] for name in names if condition.get(name) not in {None, ""}}
