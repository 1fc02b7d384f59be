"""Which test runs which function: one run of all tests on the code as it is, in a child of this process."""

from __future__ import annotations

import pickle
import sys
import tempfile
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mutation import child

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Generator, Iterable, Sequence


class Function(NamedTuple):
    """A function of a module or a method of its class; what it has inside belongs to it."""

    path: str
    name: str


@dataclass(slots=True)
class Coverage:
    """Seconds of each test that passed, by its id, and the ids of the tests that ran each function."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    ran: dict[Function, set[str]] = field(default_factory=lambda: defaultdict(set))

    def tests(self, functions: Iterable[Function]) -> list[str]:
        """Return the tests that run one of these, the quick ones first."""
        found = {
            test for function in functions for test in self.ran.get(function, ()) if test in self.seconds
        }
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def of_module(self, path: str) -> list[Function]:
        """Return the functions of a file that any test runs."""
        return [function for function in self.ran if function.path == path]


def function_of(code: types.CodeType) -> Function:
    """Return what the code belongs to."""
    return Function(code.co_filename, code.co_qualname.partition(".<locals>")[0])


class _Recorder:
    """A plugin of pytest; the profile is of Python's calls alone, in all threads started since."""

    def __init__(self, roots: Iterable[str], into: Path) -> None:
        self._roots, self._into = tuple(roots), into
        self._called: dict[int, types.CodeType] = {}
        self._of = Coverage()

    def _profile(self, frame: types.FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self._called[id(frame.f_code)] = frame.f_code

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._called = {}
        profile: Callable[..., None] = self._profile
        threading.setprofile(profile)
        sys.setprofile(profile)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            for code in list(self._called.values()):
                if code.co_filename.startswith(self._roots):
                    self._of.ran[function_of(code)].add(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._of.failed.append(report.nodeid)
            self._of.seconds.pop(report.nodeid, None)
        elif report.passed and report.nodeid not in self._of.failed:
            taken = self._of.seconds.get(report.nodeid, 0.0)
            self._of.seconds[report.nodeid] = taken + report.duration

    def pytest_sessionfinish(self) -> None:
        self._into.write_bytes(pickle.dumps(self._of))


def measure(top: Path, tests: Sequence[str], roots: Iterable[str], limit: float) -> Coverage:
    """Run ``tests`` once; ``roots`` are the folders whose functions count, ``limit`` is in seconds.

    Raises ``RuntimeError`` when the run does not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "coverage"
        child.end(child.start(lambda: _run(top, tests, roots, into)), limit)
        if not into.exists():
            raise RuntimeError(f"the tests did not end within {limit:.0f} s")
        made = pickle.loads(into.read_bytes())  # what the child has just written
        assert isinstance(made, Coverage)
        return made


def _run(top: Path, tests: Sequence[str], roots: Iterable[str], into: Path) -> int:
    child.pytest_run(top, tests, [_Recorder(roots, into)])
    return 0
