"""YAML read strictly: each value knows its line, and what is not expected is an error that names it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import yaml

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


class RoutesError(ArgusError):
    """The file cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the file."""

    file: str
    node: yaml.Node

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return int(self.node.start_mark.line) + 1

    def fail(self, why: str) -> NoReturn:
        """Raise ``RoutesError`` with file and line."""
        raise RoutesError(f"{self.file}:{self.line}: {why}")

    def text(self) -> str:
        """Return a scalar as text."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("a single value is expected here")
        return str(self.node.value)

    def items(self) -> Iterator[Value]:
        """Yield the elements of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail("a list is expected here (lines that begin with -)")
        return (Value(self.file, each) for each in self.node.value)

    def mapping(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Value]:
        """Return a mapping whose keys are among ``known`` and complete."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"a mapping is expected here, with some of: {', '.join(known)}")
        found: dict[str, Value] = {}
        for key, value in self.node.value:
            name = Value(self.file, key)
            word = name.text()
            if word not in known:
                near = difflib.get_close_matches(word, list(known), n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                name.fail(f"unknown word {word}; {hint}")
            if word in found:
                name.fail(f"{word} is here twice")
            found[word] = Value(self.file, value)
        for word in required:
            if word not in found:
                self.fail(f"{word} is missing")
        return found

    def pick(self, word: str) -> Value:
        """Return one member of a mapping, whatever else there is."""
        if isinstance(self.node, yaml.MappingNode):
            for key, value in self.node.value:
                if key.value == word:
                    return Value(self.file, value)
        return self.fail(f"{word} is missing")

    def boolean(self) -> bool:
        """Return ``true`` or ``false``."""
        word = self.text()
        if word not in {"true", "false"}:
            self.fail(f"{word!r} is neither true nor false")
        return word == "true"


def load(path: Path, needs: str = "receivers: and route:") -> Value:
    """Read a file; ``needs`` are the words that an empty one lacks.  Raises ``RoutesError``."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as exc:
        raise RoutesError(f"{path}: cannot read: {getattr(exc, 'strerror', None) or 'not UTF-8'}") from None
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise RoutesError(f"{path}:{line}: {exc.problem or 'not YAML'}") from None
    if node is None:
        raise RoutesError(f"{path}: is empty; it needs {needs}")
    return Value(str(path), node)
