"""Titles that a receiver sets for its messages: ``{severity} {node}: {summary}``."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a title may name; each is an attribute of ``Notification`` or a label of the incident.
VARIABLES = ("head", "severity", "summary", "subject", "rule", "title", "incident_id", "uid", "by", "reason")


class TitleError(ArgusError):
    """The text is no title."""


def check(text: str) -> None:
    """Raise ``TitleError`` that says what is wrong with a title."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as exc:
        raise TitleError(f"{text!r} is no title: {exc}; write {{{{ for a brace") from None
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in VARIABLES:
            raise TitleError(
                f"{text!r}: there is no variable {name or '{}'}; there are {', '.join(VARIABLES)}"
            )
        if spec or conversion:
            raise TitleError(f"{text!r}: write {{{name}}} and nothing more between the braces")


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return the title of one message; ``text`` was checked."""
    return text.format_map({name: values.get(name, "") for name in VARIABLES})
