"""What our templates have in Zabbix but no longer in the catalogue: always shown, deleted when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.catalogue import SUBSYSTEMS
from argus.render.graphs import uuids_of
from argus.render.ids import stable_uuid
from argus.render.names import HOSTS, host_of, template_name
from argus.render.template import template_document
from argus.render.triggers import IDENT_TAG
from argus.zabbix.changes import DELETE, Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argus.zabbix.api import Zabbix

_OURS = "argus."  # items of others in our templates have other keys, and stay
_ITEMS = ("discoveryrule", "item", "itemprototype")
_TRIGGERS = ("trigger", "triggerprototype")  # ours have a tag; one that is left would go on telling
_GRAPHS = ("graph", "graphprototype")  # the UUID of ours follows from the name


@dataclass(frozen=True, slots=True)
class Leftover:
    """``kind`` is the API's object; ``key`` the key, or the name of a trigger or graph (prototype)."""

    kind: str
    id: str
    key: str
    template: str

    @property
    def id_name(self) -> str:
        """How the API calls the id."""
        return _id_name(self.kind)


def _id_name(kind: str) -> str:
    return "itemid" if kind in _ITEMS else f"{kind.removesuffix('prototype')}id"


def leftovers(zabbix: Zabbix) -> list[Leftover]:
    """Return them all; on hosts they live on with their history until they are deleted in the template."""
    return [left for host in HOSTS for left in _of_template(zabbix, host)]


def _of_template(zabbix: Zabbix, host: str) -> Iterable[Leftover]:
    name = template_name(host)
    found = zabbix.read("template.get", output=["templateid"], filter={"host": [name]})
    if not found:
        return
    where = [row["templateid"] for row in found]
    # Items come last: they take their triggers and graphs along.
    for kinds, label, more, is_left in (
        (_TRIGGERS, "description", {"selectTags": "extend"}, _left_triggers(host)),
        (_GRAPHS, "name", {}, _left_graphs(host)),
        (_ITEMS, "key_", {}, _left_items(host)),
    ):
        for kind in kinds:
            output = [_id_name(kind), label, *(["uuid"] if kind in _GRAPHS else [])]
            for row in zabbix.read(f"{kind}.get", output=output, templateids=where, **more):
                if is_left(row):
                    yield Leftover(kind, row[_id_name(kind)], row[label], name)


def _left_triggers(host: str) -> Callable[[Any], bool]:
    idents = {t.ident for s in SUBSYSTEMS for t in s.triggers if host_of(t.metrics[0].entity) == host}

    def is_left(row: Any) -> bool:
        ours = {tag["value"] for tag in row["tags"] if tag["tag"] == IDENT_TAG}
        return bool(ours) and not ours & idents

    return is_left


def _left_graphs(host: str) -> Callable[[Any], bool]:
    wanted = {stable_uuid(template_name(host), "graph", g.name) for s in SUBSYSTEMS for g in s.graphs}
    return lambda row: row["uuid"] in uuids_of(row["name"], host) - wanted


def _left_items(host: str) -> Callable[[Any], bool]:
    wanted = set(_keys(host))
    return lambda row: row["key_"].startswith(_OURS) and row["key_"] not in wanted


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
    if zabbix.read(f"{left.kind}.get", output=[left.id_name], **{f"{left.id_name}s": [left.id]}):
        zabbix.call(f"{left.kind}.delete", left.id)
