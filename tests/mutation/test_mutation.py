"""The tool that mutates the code: a check of the tests must itself be able to fail."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from mutation import trial
from mutation.operators import Mutant, mutants, mutate
from mutation.trial import Outcome

if TYPE_CHECKING:
    from pathlib import Path


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants("m.py", source)]


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a < b", "a < b -> a <= b"),
        ("a is None", "a is None -> a is not None"),
        ("a + b", "a + b -> a - b"),
        ("a and b", "a and b -> a or b"),
        ("not a", "not a -> a"),
        ("x = 0.5", "0.5 -> 1.0"),
        ("x = 7", "7 -> 8"),
        ("x = True", "True -> False"),
        ("x = 'rbytes'", "'rbytes' -> 'rbytes?'"),
        ("def f(): return a", "return a -> return None"),
        ("f(a)", "f(a) -> pass"),
        ("[a for a in b if a]", "for a in b if a -> for a in b if not a"),
    ],
)
def test_a_small_mistake_is_made(source: str, change: str) -> None:
    assert any(change in one for one in changes(source))


def test_what_only_people_read_is_left_alone() -> None:
    source = """
'docstring'
def f(a: 'T') -> 'U':
    'another'
    log.debug('read %s', a)
    raise ValueError(f'{a} is 1')
"""
    assert changes(source) == []


def test_each_mutant_differs_from_the_code_in_its_place_alone() -> None:
    source = "def f(a, b):\n    return a < b and a + 1 < 5\n"
    made = {ast.unparse(mutate(source, mutant.number)) for mutant in mutants("m.py", source)}
    assert len(made) == len(mutants("m.py", source))
    assert ast.unparse(ast.parse(source)) not in made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of one function, and two tests: one that looks at what it returns, one that does not."""
    package = tmp_path / "mutated_here"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "m.py").write_text("def double(n):\n    while n < 0:\n        n += 10\n    return n * 2\n")
    call = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom mutated_here.m import double\n"
    (tmp_path / "test_looks.py").write_text(f"{call}def test(): assert double(-3) == 14\n")
    (tmp_path / "test_blind.py").write_text(f"{call}def test(): double(3)\n")
    return tmp_path


def outcome(project: Path, change: str, test: str) -> Outcome:
    path = "mutated_here/m.py"
    (mutant,) = (m for m in mutants(path, (project / path).read_text()) if change in m.change)
    return trial.run(mutant, "mutated_here.m", project, [test], 60.0)


@pytest.mark.slow
def test_a_test_that_looks_kills_the_mutant_and_one_that_does_not_lets_it_live(project: Path) -> None:
    assert outcome(project, "n * 2 -> n / 2", "test_looks.py") is Outcome.KILLED
    assert outcome(project, "n * 2 -> n / 2", "test_blind.py") is Outcome.SURVIVED
    assert "n * 2" in (project / "mutated_here/m.py").read_text()  # the file on disk is never touched


@pytest.mark.slow
def test_an_endless_loop_is_ended_and_counts_as_noticed(project: Path) -> None:
    path = "mutated_here/m.py"
    (mutant,) = (m for m in mutants(path, (project / path).read_text()) if "n += 10 -> pass" in m.change)
    assert trial.run(mutant, "mutated_here.m", project, ["test_looks.py"], 5.0) is Outcome.TIMED_OUT


def test_a_change_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError, match="no change 3"):
        mutate("x = 1", 3)


def test_a_mutant_names_its_place() -> None:
    assert str(Mutant("a/b.py", 0, 12, "a -> b")) == "a/b.py:12 a -> b"
