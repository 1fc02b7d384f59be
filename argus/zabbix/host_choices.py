"""What was chosen on single hosts: importing a template makes all of it as the template says again.

It is written down before the import and put back after it.  What an apply that was broken off did not put
back, the next one does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from argus.zabbix.api import PAGE, ZabbixError
from argus.zabbix.changes import UPDATE, Change
from argus.zabbix.token import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from argus.zabbix.api import Zabbix

_FEW = 50  # hosts whose objects are read to find which differ
_AT_ONCE = 200  # objects in one request that writes
_EITHER = range(2)
_SEVERITIES = range(6)


@dataclass(frozen=True, slots=True)
class _Kind:
    """An object of the API, how it calls its id, and the fields that a host may have of its own."""

    name: str
    key: str
    numbers: Mapping[str, range]
    texts: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.numbers, *self.texts)


_KEPT = ("history", "trends")
_KINDS = {
    kind.name: kind
    for kind in (
        _Kind("discoveryrule", "itemid", {"status": _EITHER}, ("lifetime",)),
        _Kind("itemprototype", "itemid", {"status": _EITHER, "discover": _EITHER}, _KEPT),
        _Kind("item", "itemid", {"status": _EITHER}, _KEPT),
        _Kind(
            "triggerprototype",
            "triggerid",
            {"status": _EITHER, "discover": _EITHER, "priority": _SEVERITIES},
        ),
        _Kind("trigger", "triggerid", {"status": _EITHER, "priority": _SEVERITIES}),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """An object of a host, and what it has otherwise than its template."""

    kind: str
    id: str
    fields: Mapping[str, str]


def read_choices(zabbix: Zabbix, template: str) -> list[Choice]:
    """Return what hosts with ``template`` (technical name) have otherwise, parents before children."""
    rows = zabbix.read("template.get", output=["templateid"], filter={"host": [template]})
    return [choice for row in rows for choice in _below(zabbix, row["templateid"])]


def _below(zabbix: Zabbix, templateid: str) -> Iterator[Choice]:
    for kind in _KINDS.values():
        yield from _of_kind(zabbix, kind, templateid)
    for row in zabbix.read("template.get", output=["templateid"], parentTemplateids=[templateid]):
        yield from _below(zabbix, row["templateid"])  # a template of somebody that has ours linked


def _of_kind(zabbix: Zabbix, kind: _Kind, templateid: str) -> Iterator[Choice]:
    output = [kind.key, *kind.fields]
    parents = zabbix.read(f"{kind.name}.get", output=output, templateids=[templateid])
    found: dict[str, dict[str, str]] = {}
    for field in kind.fields:
        for value in sorted({parent[field] for parent in parents}):
            ids = [parent[kind.key] for parent in parents if parent[field] == value]
            for row in _otherwise(zabbix, kind, templateid, ids, field, value):
                found.setdefault(row[kind.key], {})[field] = row[field]
    yield from (Choice(kind.name, key, fields) for key, fields in found.items())


def _otherwise(  # what is asked for: children of these, with another value of that
    zabbix: Zabbix, kind: _Kind, templateid: str, parents: list[str], field: str, value: str
) -> Iterable[dict[str, str]]:
    """Children of the parents with another value, without reading a large fleet whole."""
    if field in kind.numbers:
        others = [number for number in kind.numbers[field] if number != int(value)]
        wanted = {"templateid": parents, field: others}
        found: list[dict[str, str]] = zabbix.read(f"{kind.name}.get", output=[kind.key, field], filter=wanted)
        return found
    return _Texts(zabbix, kind, parents, field, value).among(_linked(zabbix, templateid))


def _linked(zabbix: Zabbix, templateid: str) -> list[str]:
    """Hosts that have the template, and templates that it is linked to."""
    hosts = zabbix.read("host.get", output=["hostid"], templateids=[templateid])
    templates = zabbix.read("template.get", output=["templateid"], parentTemplateids=[templateid])
    return [*(row["hostid"] for row in hosts), *(row["templateid"] for row in templates)]


@dataclass(frozen=True, slots=True)
class _Texts:
    """Children that have another text.

    Zabbix cannot be asked for what differs (6.0.14 takes no notice of ``excludeSearch``), so that children
    are counted, those with the text and all, by halves of the hosts.
    """

    zabbix: Zabbix
    kind: _Kind
    parents: list[str]
    field: str
    value: str

    def among(self, hostids: list[str]) -> Iterator[dict[str, str]]:
        if not hostids or self._count(hostids) == self._count(hostids, {self.field: self.value}):
            return
        if len(hostids) > _FEW:
            half = len(hostids) // 2
            yield from self.among(hostids[:half])
            yield from self.among(hostids[half:])
            return
        output = [self.kind.key, self.field]
        rows = self._get(hostids, {}, output=output)
        yield from (row for row in rows if row[self.field] != self.value)

    def _count(self, hostids: list[str], more: Mapping[str, str] | None = None) -> int:
        return int(self._get(hostids, more or {}, countOutput=True))

    def _get(self, hostids: list[str], more: Mapping[str, str], **params: Any) -> Any:
        wanted = {"templateid": self.parents, **more}
        return self.zabbix.read(f"{self.kind.name}.get", hostids=hostids, filter=wanted, **params)


def restore(zabbix: Zabbix, choices: Iterable[Choice]) -> int:
    """Give the objects what was chosen for them, where they have it no more; returns how many had not."""
    done = 0
    for name, group in groupby(choices, key=lambda choice: choice.kind):
        kind, wanted = _KINDS[name], list(group)
        for start in range(0, len(wanted), PAGE):
            changes = _lost(zabbix, kind, {c.id: c.fields for c in wanted[start : start + PAGE]})
            for first in range(0, len(changes), _AT_ONCE):
                zabbix.call(f"{name}.update", *changes[first : first + _AT_ONCE])
            done += len(changes)
    return done


def _lost(zabbix: Zabbix, kind: _Kind, wanted: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """The changes to make; an object that is gone meanwhile needs none."""
    output = [kind.key, *kind.fields]
    rows = zabbix.read(f"{kind.name}.get", output=output, **{f"{kind.key}s": list(wanted)})
    changes = []
    for row in rows:
        fields = {f: value for f, value in wanted[row[kind.key]].items() if row[f] != value}
        if fields:
            changes.append({kind.key: row[kind.key], **fields})
    return changes


class HostChoices:
    """The file that holds them during an import; as a resource, it puts back what is left in it."""

    title = "choices on hosts"

    def __init__(self, token_file: Path) -> None:
        """Take the file of the token, which is one for each Zabbix."""
        self._path = token_file.with_name(f"{token_file.name}.choices")

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan to put back what an apply that was broken off left."""
        left = self._left(zabbix)
        if not left:
            return []
        details = (f"{len(left)} of them are to be put back: an apply was broken off",)
        return [Change(UPDATE, self.title, str(self._path), details, lambda: self.put_back(zabbix))]

    def keep(self, zabbix: Zabbix, choices: list[Choice]) -> None:
        """Write them down; what is still in the file comes first and counts."""
        left = self._left(zabbix)
        known = {(choice.kind, choice.id) for choice in left}
        kept = [*left, *(choice for choice in choices if (choice.kind, choice.id) not in known)]
        if kept:
            text = {"url": zabbix.url, "choices": [asdict(choice) for choice in kept]}
            write_private(self._path, json.dumps(text))

    def put_back(self, zabbix: Zabbix) -> None:
        """Give them back to the hosts, and then forget them."""
        restore(zabbix, self._left(zabbix))
        self.forget()

    def forget(self) -> None:
        """Nothing is to be put back any more."""
        self._path.unlink(missing_ok=True)

    def _left(self, zabbix: Zabbix) -> list[Choice]:
        """What is in the file, if it is of this Zabbix: numbers of another one mean nothing here."""
        try:
            text = json.loads(self._path.read_text(encoding="utf-8"))
            choices = [Choice(**choice) for choice in text["choices"]]
            return choices if text["url"] == zabbix.url else []
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise ZabbixError(
                f"cannot read {self._path}: {(exc.strerror or str(exc)).lower()}; "
                "run this as the user that owns it"
            ) from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise ZabbixError(
                f"cannot read {self._path}, what was chosen on hosts before an apply that was broken off: "
                f"{exc}; mend it, or delete it and choose again"
            ) from exc
