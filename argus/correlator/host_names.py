"""Which of the known hosts a name means: by case and domain, and only where that leaves one."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class HostNames:
    """Names of hosts, found again under the other names that people and programs give them.

    ``CMP1`` is ``cmp1``.  ``cmp1`` is ``cmp1.example.org`` where no second host begins so; two different
    domains are two hosts.  An address is no name with a domain.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """Index the names; each is a host of its own."""
        self._exact = frozenset(names)
        self._full: defaultdict[str, set[str]] = defaultdict(set)
        self._short: defaultdict[str, set[str]] = defaultdict(set)
        for name in self._exact:
            full = _folded(name)
            self._full[full].add(name)
            if not _is_address(full):
                self._short[full.partition(".")[0]].add(name)

    def find(self, name: str) -> str | None:
        """Return the host that is meant, ``None`` for none and where it could be two."""
        if name in self._exact:
            return name
        full = _folded(name)
        if full in self._full:
            return _only(self._full[full])
        if not full or _is_address(full):
            return None
        short, dot, _ = full.partition(".")
        if not dot:
            return _only(self._short.get(short, ()))
        return _only(self._full.get(short, ()))


def _folded(name: str) -> str:
    return name.strip().casefold().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _only(names: Iterable[str]) -> str | None:
    found = list(names)
    return found[0] if len(found) == 1 else None
