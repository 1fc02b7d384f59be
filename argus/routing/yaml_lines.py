"""YAML read strictly: each value knows its line, and what is not expected is an error that names it.

Whoever gives ``load`` a list of ``mistakes`` gets all of them there; else the first one is raised.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

import yaml

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

T = TypeVar("T")


class RoutesError(ArgusError):
    """The file cannot be used; the message names file and line, one line a mistake."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line

    @classmethod
    def of(cls, mistakes: list[RoutesError]) -> RoutesError:
        """Return all mistakes as one, in the order of the file."""
        return cls("\n".join(str(each) for each in sorted(mistakes, key=lambda each: each.line)))


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the file; ``mistakes`` is where those are noted that need not end the reading."""

    file: str
    node: yaml.Node
    mistakes: list[RoutesError] | None = None

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return int(self.node.start_mark.line) + 1

    def fail(self, why: str) -> NoReturn:
        """Raise ``RoutesError`` with file and line."""
        raise RoutesError(f"{self.file}:{self.line}: {why}", self.line)

    def report(self, why: str) -> None:
        """Note a mistake and go on, or raise ``RoutesError`` where nobody collects them."""
        self.tried(lambda value: value.fail(why), None)

    def tried(self, read: Callable[[Value], T], instead: T) -> T:
        """Return what ``read`` makes of it; where mistakes are collected, ``instead`` of what it cannot."""
        if self.mistakes is None:
            return read(self)
        try:
            return read(self)
        except RoutesError as exc:
            self.mistakes.append(exc)
            return instead

    def text(self) -> str:
        """Return a scalar as text."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("a single value is expected here")
        return str(self.node.value)

    def items(self) -> Iterator[Value]:
        """Yield the elements of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail("a list is expected here (lines that begin with -)")
        return (Value(self.file, each, self.mistakes) for each in self.node.value)

    def each(self, read: Callable[[Value], T]) -> list[T]:
        """Return what ``read`` makes of each element of a list, without those that cannot be read."""
        found: list[T] = []
        for value in self.items():
            value.tried(lambda each: found.append(read(each)), None)
        return found

    def mapping(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Value]:
        """Return a mapping whose keys are among ``known`` and complete."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"a mapping is expected here, with some of: {', '.join(known)}")
        found: dict[str, Value] = {}
        for key, value in self.node.value:
            name = Value(self.file, key, self.mistakes)
            word = name.text()
            if word not in known:
                near = difflib.get_close_matches(word, list(known), n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                name.report(f"unknown word {word}; {hint}")
            elif word in found:
                name.report(f"{word} is here twice")
            else:
                found[word] = Value(self.file, value, self.mistakes)
        for word in required:
            if word not in found:
                self.fail(f"{word} is missing")
        return found

    def pick(self, word: str) -> Value:
        """Return one member of a mapping, whatever else there is."""
        if isinstance(self.node, yaml.MappingNode):
            for key, value in self.node.value:
                if key.value == word:
                    return Value(self.file, value, self.mistakes)
        return self.fail(f"{word} is missing")

    def boolean(self) -> bool:
        """Return ``true`` or ``false``."""
        word = self.text()
        if word not in {"true", "false"}:
            self.fail(f"{word!r} is neither true nor false")
        return word == "true"


def load(
    path: Path, needs: str = "receivers: and route:", mistakes: list[RoutesError] | None = None
) -> Value:
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
    return Value(str(path), node, mistakes)
