"""Reads configuration files strictly: oslo.config ignores unknown options without a word.

The one module besides the catalogue that the agent shares with the server: both are configured alike.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from oslo_config.iniparser import BaseParser, ParseError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


class IniError(ValueError):
    """The file cannot be used; the message names file, line and what is wrong."""


class _Options(BaseParser):
    """Collects what a file sets, with line numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.section = ""
        self.found: list[tuple[int, str, str]] = []
        self.lines: list[str] = []

    def read(self, text: str) -> None:
        self.lines = text.splitlines()
        self.parse(self.lines)

    def new_section(self, section: str) -> None:
        self.section = section
        self.found.append((self.lineno, section, ""))

    def assignment(self, key: str, _value: list[str]) -> None:
        line = self.lineno  # the base class calls when the value has ended, some lines below
        while self.lines[line - 1].partition("=")[0].partition(":")[0].strip() != key:
            line -= 1
        self.found.append((line, self.section, key))

    def comment(self, comment: str) -> None:
        """Nothing to do: the base class insists on the method."""


def check(file: Path, known: Mapping[str, Collection[str]]) -> dict[tuple[str, str], int]:
    """Return the line of each option that the file sets, by section and name.

    ``known`` has the options of each section.  Raises ``IniError`` for a line that is none, an unknown
    section or option, ``OSError`` for a file that cannot be read.
    """
    parser = _Options()
    try:
        parser.read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise IniError(f"{file}: not UTF-8: {error.reason}") from None
    except ParseError as error:
        raise IniError(f"{file}:{error.lineno}: {error.msg}: {error.line.strip()!r}") from None
    for line, section, option in parser.found:
        if not section:
            raise IniError(
                f"{file}:{line}: option {option} stands before any [section]; is [DEFAULT] missing?"
            )
        if section not in known:
            raise IniError(f"{file}:{line}: unknown section [{section}]{nearest(section, known)}")
        if option and option.replace("-", "_") not in known[section]:
            hint = nearest(option, known[section])
            raise IniError(f"{file}:{line}: unknown option {option} in [{section}]{hint}")
    return {(section, option.replace("-", "_")): line for line, section, option in parser.found if option}


def nearest(word: str, known: Collection[str]) -> str:
    """Return a hint for a word that is not known."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
