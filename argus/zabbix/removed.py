"""What our templates have in Zabbix but no longer in the catalogue: always shown, deleted when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue import SUBSYSTEMS
from argus.render.names import HOSTS, template_name
from argus.render.template import template_document
from argus.zabbix.changes import DELETE, Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.zabbix.api import Zabbix

_OURS = "argus."  # items of others in our templates have other keys, and stay
_KINDS = (("discoveryrule", "itemid"), ("item", "itemid"), ("itemprototype", "itemid"))


@dataclass(frozen=True, slots=True)
class Leftover:
    """One item, item prototype or discovery rule; ``key`` is its key, ``kind`` the API's object."""

    kind: str
    itemid: str
    key: str
    template: str


def leftovers(zabbix: Zabbix) -> list[Leftover]:
    """Return them all; on hosts they live on with their history until they are deleted in the template."""
    return [left for host in HOSTS for left in _of_template(zabbix, host)]


def _of_template(zabbix: Zabbix, host: str) -> Iterable[Leftover]:
    name = template_name(host)
    found = zabbix.read("template.get", output=["templateid"], filter={"host": [name]})
    if not found:
        return
    wanted = set(_keys(host))
    for kind, key in _KINDS:
        rows = zabbix.read(
            f"{kind}.get", output=[key, "key_"], templateids=[row["templateid"] for row in found]
        )
        for row in rows:
            if row["key_"].startswith(_OURS) and row["key_"] not in wanted:
                yield Leftover(kind, row[key], row["key_"], name)


def _keys(host: str) -> Iterable[str]:
    (template,) = template_document(host, SUBSYSTEMS)["zabbix_export"]["templates"]
    yield from (item["key"] for item in template["items"])
    for rule in template.get("discovery_rules", ()):
        yield rule["key"]
        yield from (prototype["key"] for prototype in rule["item_prototypes"])


class Removed:
    """Deletes them: only for who asks for it, since history goes with them."""

    title = "what is no longer in the catalogue"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan one deletion a leftover."""
        return [_deletion(zabbix, left) for left in leftovers(zabbix)]


def _deletion(zabbix: Zabbix, left: Leftover) -> Change:
    details = (f"in {left.template}, with its history on all hosts",)
    return Change(DELETE, left.kind, left.key, details, lambda: _delete(zabbix, left))


def _delete(zabbix: Zabbix, left: Leftover) -> None:
    # A rule takes its prototypes along, which were planned as well.
    if zabbix.read(f"{left.kind}.get", itemids=[left.itemid], output=["itemid"]):
        zabbix.call(f"{left.kind}.delete", left.itemid)
