"""Components come up in the order of their needs, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stack.errors import LabError
from stack.lab import Lab
from stack.registry import components, second_node
from stack.runner import bring_up


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Pytest's own are too long for the Unix sockets that a lab would make below them."""
    with tempfile.TemporaryDirectory(prefix="lab") as folder:
        yield Path(folder)


@dataclass
class Recorder:
    """A component that writes down that it was started."""

    name: str
    calls: list[str]
    needs: tuple[str, ...] = ()
    fails: bool = field(default=False)

    def start(self, lab: Lab) -> str:
        self.calls.append(self.name)
        if self.fails:
            raise LabError("no such port", lab.processes.log(self.name))
        return "up"

    def check(self, lab: Lab) -> str:
        return str(lab.run)

    def stop(self, lab: Lab) -> None:
        self.calls.append(f"stop {self.name} in {lab.run.name}")


def test_what_is_needed_starts_first(short_path: Path) -> None:
    calls: list[str] = []
    lab = Lab.open(short_path / "run")
    bring_up(lab, [Recorder("web", calls, needs=("server",)), Recorder("server", calls)])
    assert calls == ["server", "web"]


def test_nothing_starts_after_a_failure(short_path: Path) -> None:
    calls: list[str] = []
    lab = Lab.open(short_path / "run")
    with pytest.raises(LabError, match="no such port"):
        bring_up(lab, [Recorder("server", calls, fails=True), Recorder("web", calls, needs=("server",))])
    assert calls == ["server"]


def test_every_need_of_the_stack_is_a_component(short_path: Path) -> None:
    lab = Lab.open(short_path / "run")
    stack = (*components(lab), *second_node())
    names = [component.name for component in stack]
    assert {need for component in stack for need in component.needs} <= set(names)
    assert len(names) == len(set(names))


def test_a_path_too_long_for_sockets_is_refused_in_words(short_path: Path) -> None:
    with pytest.raises(LabError, match="shorter path"):
        Lab.open(short_path / ("x" * 80))
