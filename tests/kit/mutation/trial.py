"""Tries one mutant: in a child that imports the changed module, or in one that has all tests ready to run.

A change inside a function is put into the functions of a child of a process that has collected all tests:
that costs little more than the tests do. What runs on import (constants, tables, defaults) needs a fresh one.
"""

from __future__ import annotations

import ast
import gc
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
import types
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mutation import child
from mutation.child import Outcome
from mutation.coverage import Function, function_of
from mutation.operators import mutate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mutation.operators import Mutant


_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Code of its own that runs, outside a function, on import."""


class Trial(NamedTuple):
    """A mutant, the ids of the tests that may notice it, and the seconds that they may take."""

    mutant: Mutant
    tests: Sequence[str]
    limit: float


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in its changed form, and no other."""

    def __init__(self, name: str, path: Path, number: int) -> None:
        self._name, self._path, self._number = name, path, number

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        package = self._path.name == "__init__.py"
        return importlib.machinery.ModuleSpec(name, self, origin=str(self._path), is_package=package)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self._path)
        if self._path.name == "__init__.py":
            module.__path__ = [str(self._path.parent)]
        exec(_compiled(mutate(self._path.read_text(), self._number), self._path), module.__dict__)


class _Only:
    """Leaves only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._tests = tests

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        there = {item.nodeid: item for item in items}
        items[:] = [there[test] for test in self._tests if test in there]


def run(trial: Trial, module: str, top: Path) -> Outcome:
    """Run the tests where ``module`` is imported in its changed form."""
    mutant, tests, limit = trial

    def body() -> int:
        sys.meta_path.insert(0, _Changed(module, top / mutant.path, mutant.number))
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        return 0 if child.pytest_run(top, list(files), [_Only(tests)], "-x") else 1

    return child.end(child.start(body), limit)


def ready(
    trials: Sequence[Trial], top: Path, tests: Sequence[str], workers: int
) -> Iterator[tuple[int, Outcome, str]]:
    """Collect ``tests`` once; yield the number of each trial, what came of it, and the test that noticed.

    A trial that could not be made is not among them.
    """
    reading, writing = os.pipe()
    pid = child.start(lambda: int(not child.pytest_run(top, tests, [_Ready(top, trials, workers, writing)])))
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            number, outcome, by = line.rstrip("\n").split("\t")
            yield int(number), Outcome(outcome), by
    os.waitpid(pid, 0)


def function(mutant: Mutant, top: Path) -> Function | None:
    """Return the function that a mutant changes; none where it changes what runs on import."""
    changed = list(_differing(mutant, top / mutant.path))
    if len(changed) != 1 or changed[0] is None:
        return None
    return function_of(changed[0][0])


class _Ready:
    """A plugin that tries mutants on collected tests in place of running these; ``told`` is a pipe's end."""

    def __init__(self, top: Path, trials: Sequence[Trial], workers: int, told: int) -> None:
        self._top, self._trials, self._workers, self._told = top, trials, workers, told

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        there = {item.nodeid: item for item in session.items}
        for first in range(self._workers):
            if os.fork() == 0:
                try:
                    for number in range(first, len(self._trials), self._workers):
                        self._try(session, there, number)
                finally:
                    os._exit(0)
        for _ in range(self._workers):
            os.wait()
        return True

    def _try(self, session: pytest.Session, there: dict[str, pytest.Item], number: int) -> None:
        mutant, tests, limit = self._trials[number]
        reading, writing = os.pipe()
        items = [there[test] for test in tests if test in there]
        pid = child.start(lambda: _try_here(session, items, mutant, self._top / mutant.path, writing))
        os.close(writing)
        outcome = child.end(pid, limit)
        by = os.read(reading, 4096).decode(errors="replace").replace("\n", " ")
        os.close(reading)
        if outcome is Outcome.KILLED and not by:
            return  # the child ended before it ran a test: nothing was tried, and the tool says so
        os.write(self._told, f"{number}\t{outcome.value}\t{by}\n".encode())


def _try_here(session: pytest.Session, items: list[pytest.Item], mutant: Mutant, path: Path, by: int) -> int:
    _put_in_place(mutant, path)
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            os.write(by, item.nodeid.encode()[:4096])
            return 1
    return 0


def _put_in_place(mutant: Mutant, path: Path) -> None:
    """Give every function made of the changed code the new one."""
    (pair,) = _differing(mutant, path)
    assert pair is not None
    was, now = pair
    found = 0
    for made in gc.get_objects():
        if isinstance(made, types.FunctionType) and made.__code__ == was:
            made.__code__ = now
            found += 1
    if not found:  # a function made anew at each call of a decorator, say: nothing was tried
        raise LookupError(str(mutant))


def _differing(mutant: Mutant, path: Path) -> Iterator[tuple[types.CodeType, types.CodeType] | None]:
    source = path.read_text()
    yield from _pairs(_compiled(ast.parse(source), path), _compiled(mutate(source, mutant.number), path))


def _pairs(
    was: types.CodeType, now: types.CodeType
) -> Iterator[tuple[types.CodeType, types.CodeType] | None]:
    """Yield each function that differs, and None where what runs on import does."""
    if was.co_flags & inspect.CO_OPTIMIZED:
        if was != now:
            runs_later = was.co_name not in _COMPREHENSIONS and was.co_freevars == now.co_freevars
            yield (was, now) if runs_later else None
        return
    inner_was, inner_now = _inner(was), _inner(now)
    if len(inner_was) != len(inner_now) or _outer(was) != _outer(now):
        yield None
        return
    for one, other in zip(inner_was, inner_now, strict=True):
        yield from _pairs(one, other)


def _inner(code: types.CodeType) -> list[types.CodeType]:
    return [value for value in code.co_consts if isinstance(value, types.CodeType)]


def _outer(code: types.CodeType) -> types.CodeType:
    return code.replace(co_consts=tuple(c for c in code.co_consts if not isinstance(c, types.CodeType)))


def _compiled(tree: ast.Module, path: Path) -> types.CodeType:
    made = compile(tree, str(path), "exec", dont_inherit=True)
    assert isinstance(made, types.CodeType)
    return made
