"""Templates: imported from the catalogue, without undoing what an administrator chose."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from argus.render.names import HOSTS, template_name
from argus.zabbix.api import ZabbixClashError, ZabbixError, ZabbixUnreachableError
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.choices import keep_choices, secrets_of
from argus.zabbix.differences import differences
from argus.zabbix.host_choices import HostChoices, read_choices
from argus.zabbix.made import Made, wanted_document

if TYPE_CHECKING:
    from pathlib import Path

    from argus.zabbix.api import Zabbix

_CLASH_PAUSES = (1.0, 5.0)  # s, before an import that the database broke off is tried again
_IMPORT_SECONDS = 900.0  # a template update on thousands of linked hosts takes its time


class Templates:
    """The templates that ``argus render`` makes."""

    title = "templates"

    def __init__(self, token_file: Path) -> None:
        """Take the file of the token; what was made and what is to be put back are kept beside it."""
        self._made = Made(token_file)
        self._on_hosts = HostChoices(token_file)

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Compare by Zabbix' own ``configuration.importcompare``."""
        made = self._made.documents(zabbix)
        plans = (self._plan(zabbix, host, made.get(template_name(host))) for host in HOSTS)
        return [change for change in plans if change]

    def _plan(self, zabbix: Zabbix, host: str, made: dict[str, Any] | None) -> Change | None:
        name = template_name(host)
        document = wanted_document(zabbix, host)
        _refuse_foreign(zabbix, name, document)
        exported = _export(zabbix, name)
        if exported is not None:
            document = keep_choices(document, exported, made)
        lines = tuple(differences(_compare(zabbix, document)))
        if not lines:
            return None
        if exported is not None:
            _refuse_secrets(zabbix, name, exported)
        verb, details = (CREATE, ()) if exported is None else (UPDATE, lines)
        return Change(verb, "template", name, details, lambda: _import(zabbix, document, self._on_hosts))


def _refuse_foreign(zabbix: Zabbix, name: str, document: dict[str, Any]) -> None:
    """A template of our name with another identity cannot be updated, only be in the way."""
    found = zabbix.read("template.get", output=["uuid"], filter={"host": [name]})
    ours = document["zabbix_export"]["templates"][0]["uuid"]
    if any(template["uuid"] != ours for template in found):
        raise ZabbixError(
            f"{zabbix.url} has another template called {name!r} (UUID {found[0]['uuid']}, ours is {ours}): "
            "rename it or delete it, then run this again"
        )


def _refuse_secrets(zabbix: Zabbix, name: str, exported: dict[str, Any]) -> None:
    """Zabbix tells nobody the value of a secret macro, and an import without it would empty it."""
    secret = secrets_of(exported)
    if secret:
        raise ZabbixError(
            f"{zabbix.url}: the template {name!r} has secret macros ({', '.join(secret)}), which an import "
            "would empty: move them to the hosts or to the global macros, then run this again"
        )


def export(zabbix: Zabbix) -> str:
    """Return the templates of Argus as they are there, as YAML.  ``ZabbixError`` when there are none."""
    names = [template_name(host) for host in HOSTS]
    found = zabbix.read("template.get", output=["templateid"], filter={"host": names})
    if not found:
        raise ZabbixError(f"{zabbix.url} has no template of Argus; `argus zabbix apply` makes them")
    ids = [template["templateid"] for template in found]
    return str(zabbix.read("configuration.export", format="yaml", options={"templates": ids}))


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


def _import(zabbix: Zabbix, document: dict[str, Any], on_hosts: HostChoices) -> None:
    """Import, and put back what hosts had otherwise.

    When no answer comes Zabbix may go on importing, so that what was chosen waits in its file for the next
    apply.  When Zabbix says no, it has undone all of it.
    """
    on_hosts.keep(zabbix, read_choices(zabbix, document["zabbix_export"]["templates"][0]["template"]))
    try:
        _send(zabbix, document)
    except ZabbixUnreachableError as exc:
        raise ZabbixUnreachableError(
            f"{exc}; Zabbix may still be importing: look at its load, then run `argus zabbix apply` again, "
            "which also puts back what was chosen on single hosts"
        ) from exc
    except ZabbixError:
        on_hosts.put_back(zabbix)
        raise
    on_hosts.put_back(zabbix)


def _send(zabbix: Zabbix, document: dict[str, Any]) -> None:
    source, rules = json.dumps(document), import_rules(zabbix)
    with zabbix.patience(_IMPORT_SECONDS):
        for pause in _CLASH_PAUSES:  # a server that discovers on thousands of hosts writes all the time
            try:
                zabbix.call("configuration.import", format="json", source=source, rules=rules)
                break
            except ZabbixClashError:
                time.sleep(pause)
        else:
            zabbix.call("configuration.import", format="json", source=source, rules=rules)
