"""Tries one mutant: a child of this process imports the changed module in place of the one on disk."""

from __future__ import annotations

import enum
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mutation.operators import mutate

if TYPE_CHECKING:
    import types
    from collections.abc import Sequence
    from pathlib import Path

    from mutation.operators import Mutant

_WITHOUT_SERVERS = "not slow and not lab and not zabbix7 and not openstack"
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", _WITHOUT_SERVERS)
_POLL_SECONDS = 0.05


class Outcome(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # an endless loop is noticed as well
    SURVIVED = "survived"


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
        tree = mutate(self._path.read_text(), self._number)
        exec(compile(tree, str(self._path), "exec"), module.__dict__)


def run(mutant: Mutant, module: str, top: Path, tests: Sequence[str], limit: float) -> Outcome:
    """Run ``tests`` on the mutant; ``limit`` in seconds."""
    pid = os.fork()
    if pid == 0:
        os._exit(_child(mutant, module, top, tests))
    return _wait(pid, limit)


def unchanged(top: Path, tests: Sequence[str], limit: float) -> tuple[Outcome, float]:
    """Run ``tests`` on the code as it is; return also the seconds it took."""
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os._exit(_child(None, "", top, tests))
    return _wait(pid, limit), time.monotonic() - begin


def _child(mutant: Mutant | None, module: str, top: Path, tests: Sequence[str]) -> int:
    os.setsid()  # what the tests start ends with it
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    os.chdir(top)
    if mutant is not None:
        sys.meta_path.insert(0, _Changed(module, top / mutant.path, mutant.number))
    try:
        code = pytest.main([*_OPTIONS, *tests])
    except BaseException:  # noqa: BLE001 -- whatever a mutant raises, it was noticed
        return 1
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else 1


def _wait(pid: int, limit: float) -> Outcome:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return Outcome.SURVIVED if status == 0 else Outcome.KILLED
        time.sleep(_POLL_SECONDS)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return Outcome.TIMED_OUT
