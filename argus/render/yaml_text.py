"""YAML as Zabbix reads it: every scalar is a string, whichever YAML dialect looks at it."""

from __future__ import annotations

import re
from typing import Any

import yaml

# Symfony's reader takes 1e5 and 0o7 for numbers, PyYAML does not: quote whatever begins like one.
_LIKE_A_NUMBER = re.compile(r"[-+.]?\d[\d_.eExXoO+:-]*|[0-9a-fA-F]{6}|[0-9a-f]{32}")

_UNWRAPPED = 1 << 20  # Symfony's reader does not join quoted strings that span lines


class _ZabbixDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Never write anchors: Zabbix does not follow them."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key, as Zabbix' own exports do."""
        del indentless
        super().increase_indent(flow, indentless=False)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _LIKE_A_NUMBER.fullmatch(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ZabbixDumper.add_representer(str, _string)


def to_yaml(document: object) -> str:
    """Return ``document`` (mappings, lists and strings only) as YAML text."""
    return yaml.dump(document, Dumper=_ZabbixDumper, sort_keys=False, allow_unicode=True, width=_UNWRAPPED)
