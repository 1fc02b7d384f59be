"""What an apply made last, kept beside the token: by it a choice is told from a former default."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argus.catalogue import SUBSYSTEMS
from argus.render import native7
from argus.render.names import HOSTS, template_name
from argus.render.template import template_document
from argus.zabbix.api import ZabbixError
from argus.zabbix.token import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from argus.zabbix.api import Zabbix

_NATIVE_SINCE = (7, 0)  # before, the documents of 6.0 are imported


def wanted_document(zabbix: Zabbix, host: str) -> dict[str, Any]:
    """Return the template's document in the words of that Zabbix."""
    return _in_words_of(zabbix, template_document(host, SUBSYSTEMS))


def _in_words_of(zabbix: Zabbix, document: dict[str, Any]) -> dict[str, Any]:
    """A document of 6.0 is said in the words of 7.0; a server that was upgraded still has a record of 6.0."""
    old = "groups" in document["zabbix_export"]
    return native7.native(document) if old and zabbix.version >= _NATIVE_SINCE else document


class Made:
    """The record; without one (another machine, a new token file) everything counts as chosen."""

    def __init__(self, token_file: Path) -> None:
        """Take the file of the token, which is one for each Zabbix."""
        self._path = token_file.with_name(f"{token_file.name}.made")

    def documents(self, zabbix: Zabbix) -> dict[str, dict[str, Any]]:
        """Return the documents that were made last, by the template's name; none where nothing is known."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: _in_words_of(zabbix, document) for name, document in kept.items()}
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise ZabbixError(
                f"cannot read {self._path}, what the last apply made: {(exc.strerror or str(exc)).lower()}; "
                "run this as the user that owns it"
            ) from exc
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ZabbixError(
                f"cannot read {self._path}, what the last apply made: it is not what apply writes; "
                "delete it, and all that is there counts as chosen by somebody and stays"
            ) from exc

    def remember(self, zabbix: Zabbix) -> None:
        """Write down what has been made; ``apply`` calls this when all is as wanted."""
        documents = {template_name(host): wanted_document(zabbix, host) for host in HOSTS}
        if documents != self.documents(zabbix):
            write_private(self._path, json.dumps(documents, separators=(",", ":")))
