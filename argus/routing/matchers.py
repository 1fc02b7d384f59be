"""Matchers as Alertmanager writes them: ``severity=~"HIGH|DISASTER"``.

https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHARED = ("rack", "switch", "power", "proxy")  # where its node's host in Zabbix has such a tag or proxy
LABELS = ("incident", "rule", "severity", "subject", "name", "node", "project", "kind", *SHARED)
_SHAPE = re.compile(r'\s*(?P<label>[a-z_]+)\s*(?P<op>!=|=~|!~|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^"\s]*)\s*')


class MatcherError(ArgusError):
    """The text is no matcher."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that is missing counts as empty, as in Alertmanager."""

    label: str
    op: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it holds; regular expressions match the whole value."""
        actual = labels.get(self.label, "")
        if self.op in {"=", "!="}:
            return (actual == self.value) is (self.op == "=")
        return bool(re.fullmatch(self.value, actual)) is (self.op == "=~")

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.op}"{escaped}"'


def parse(text: str) -> Matcher:
    """Read one matcher.  Raises ``MatcherError`` that says what is wrong."""
    found = _SHAPE.fullmatch(text)
    if not found:
        raise MatcherError(f'{text!r} is no matcher; write label="value", with =, !=, =~ or !~')
    label, op, value = found["label"], found["op"], found["value"]
    if label not in LABELS:
        raise MatcherError(f"{text!r}: incidents have no label {label}; they have {', '.join(LABELS)}")
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if op in {"=~", "!~"}:
        try:
            re.compile(value)
        except re.error as exc:
            raise MatcherError(f"{text!r}: the regular expression is wrong: {exc}") from None
    made = Matcher(label, op, value)
    if label == "severity" and value and not _names_a_severity(op, value):
        known = ", ".join(each.value for each in Severity)
        raise MatcherError(f"{text!r}: no incident has such a severity; they are {known}")
    return made


def _names_a_severity(op: str, value: str) -> bool:
    """Tell whether a condition speaks of a severity that there is; a mistyped one would never match."""
    positive = Matcher("severity", "=~" if "~" in op else "=", value)
    return any(positive.matches({"severity": each.value}) for each in Severity)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether every matcher holds; none at all hold always."""
    return all(matcher.matches(labels) for matcher in matchers)
