"""A difference between what is wanted and what is there, and how to remove it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.zabbix.api import Zabbix

CREATE = "create"
UPDATE = "update"
DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do; ``details`` are lines for a person, ``do`` does it and raises ``ZabbixError``."""

    verb: str
    kind: str
    name: str
    details: tuple[str, ...]
    do: Callable[[], None] = field(compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For ``--format json``."""
        return {"verb": self.verb, "kind": self.kind, "name": self.name, "details": list(self.details)}


class Resource(Protocol):
    """One kind of thing that Argus wants in Zabbix.

    ``plan`` reads only.  What it depends on may not exist yet: it then plans a creation and looks
    again when that is carried out.
    """

    title: str

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Return what is to be done, empty when all is as wanted."""
        ...


def same(left: Any, right: Any) -> bool:
    """Whether two exported values mean the same: neither order nor spelt-out defaults make a difference."""
    return bool(_canonical(left) == _canonical(right))


_KEEP_ORDER = frozenset({"preprocessing", "parameters", "pages", "lld_macro_paths"})
_ZERO_COUNTS = frozenset({"history", "trends", "lifetime", "enabled_lifetime"})  # it is not their default
_DEFAULTS: tuple[object, ...] = ("", "0", [], {}, None)


def _canonical(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _canonical(part, name)
            for name, part in sorted(value.items())
            if name == "value" or part not in _DEFAULTS or (part == "0" and name in _ZERO_COUNTS)
        }
    if isinstance(value, list):
        parts = [_canonical(part) for part in value]
        return parts if key in _KEEP_ORDER else sorted(parts, key=repr)
    return value
