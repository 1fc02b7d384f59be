"""Items and triggers that were disabled on single hosts: importing their template enables them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.zabbix.api import PAGE

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

_KINDS = (("item", "itemid"), ("trigger", "triggerid"))
_DISABLED = 1


@dataclass(frozen=True, slots=True)
class Disabled:
    """What is disabled on hosts though enabled in the template: (object, name of its id, ids)."""

    found: tuple[tuple[str, str, tuple[str, ...]], ...]

    def restore(self, zabbix: Zabbix) -> None:
        """Disable again what is enabled now."""
        for kind, key, ids in self.found:
            for start in range(0, len(ids), PAGE):
                page = list(ids[start : start + PAGE])
                enabled = zabbix.read(f"{kind}.get", output=[key], filter={"status": 0, key: page})
                changes = [{key: row[key], "status": _DISABLED} for row in enabled]
                if changes:
                    zabbix.call(f"{kind}.update", *changes)


def disabled_on_hosts(zabbix: Zabbix, template: str) -> Disabled:
    """Remember it, before ``template`` (technical name) is imported."""
    rows = zabbix.read("template.get", output=["templateid"], filter={"host": [template]})
    templateids = [row["templateid"] for row in rows]
    return Disabled(tuple((kind, key, _ids(zabbix, kind, key, templateids)) for kind, key in _KINDS))


def _ids(zabbix: Zabbix, kind: str, key: str, templateids: list[str]) -> tuple[str, ...]:
    if not templateids:
        return ()
    enabled = zabbix.read(f"{kind}.get", output=[key], templateids=templateids, filter={"status": 0})
    parents = [row[key] for row in enabled]
    inherited = zabbix.read(f"{kind}.get", output=[key], filter={"templateid": parents, "status": _DISABLED})
    return tuple(row[key] for row in inherited)
