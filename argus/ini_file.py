"""Reads configuration files strictly: oslo.config ignores unknown options without a word.

The one module besides the catalogue that the agent shares with the server: both are configured alike.
"""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING

from oslo_config.iniparser import BaseParser, ParseError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


_REFERENCE = re.compile(r"\$\{?[_a-z]", re.IGNORECASE)


class IniError(ValueError):
    """The file cannot be used; the message names file, line and what is wrong."""


class _Options(BaseParser):
    """Collects what a file sets, with line numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.section = ""
        self.found: list[tuple[int, str, str]] = []
        self.referring: list[tuple[int, str, str]] = []
        self.lines: list[str] = []

    def read(self, text: str) -> None:
        self.lines = text.splitlines()
        self.parse(self.lines)

    def new_section(self, section: str) -> None:
        self.section = section
        self.found.append((self.lineno, section, ""))

    def assignment(self, key: str, value: list[str]) -> None:
        line = self.lineno  # the base class calls when the value has ended, some lines below
        while self.lines[line - 1].partition("=")[0].partition(":")[0].strip() != key:
            line -= 1
        self.found.append((line, self.section, key))
        if refers("\n".join(value)):
            self.referring.append((line, self.section, key))

    def comment(self, comment: str) -> None:
        """Nothing to do: the base class insists on the method."""


def check(
    file: Path, known: Mapping[str, Collection[str]], unasked: Collection[str] = ()
) -> dict[tuple[str, str], int]:
    """Return the line of each option that the file sets, by section and name.

    ``known`` has the options of each section; what is in a section of ``unasked`` is left to who reads it.
    Raises ``IniError`` for a line that is none, an unknown
    section or option and a value that refers to another option, ``OSError`` for a file that cannot be read.
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
        if section in unasked:
            continue
        if section not in known:
            raise IniError(f"{file}:{line}: unknown section [{section}]{nearest(section, known)}")
        if option and option.replace("-", "_") not in known[section]:
            hint = nearest(option, known[section])
            raise IniError(f"{file}:{line}: unknown option {option} in [{section}]{hint}")
    for line, section, option in parser.referring:
        raise IniError(f"{file}:{line}: {_dollar(section, option)}")
    return {(section, option.replace("-", "_")): line for line, section, option in parser.found if option}


def check_environment(known: Mapping[str, Collection[str]], environ: Mapping[str, str] = os.environ) -> None:
    """Look at the options that the environment sets (oslo.config: OS_SECTION__OPTION).

    Raises ``IniError`` for a value that refers to another option.
    """
    for section, options in known.items():
        for option in options:
            variable = f"OS_{section}__{option}".upper()
            if refers(environ.get(variable, "")):
                raise IniError(f"environment {variable}: {_dollar(section, option)}")


def refers(value: str) -> bool:
    r"""Whether oslo.config would put other options into the value: ``$name`` or ``${name}``.

    ``$$`` and ``\$`` are the sign itself, and so is one that no name follows.
    """
    plain = value.replace("\\$", "$$").replace("$$", "")
    return _REFERENCE.search(plain) is not None


def _dollar(section: str, option: str) -> str:
    """Say what to do; the value is not shown, as it may hold a password."""
    return (
        f"[{section}] {option} = ... has a $ before a name, which stands for the option of that name and is "
        "not used here: write $$ for the sign itself"
    )


def nearest(word: str, known: Collection[str]) -> str:
    """Return a hint for a word that is not known."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
