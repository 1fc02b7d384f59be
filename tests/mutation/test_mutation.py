"""The tool that mutates the code: a check of the tests must itself be able to fail."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from mutation import coverage, trial
from mutation.child import Outcome
from mutation.coverage import Function
from mutation.operators import Mutant, mutants, mutate
from mutation.trial import Trial

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


MODULE = """
STOP = 0
ODD = [n for n in () if n]
def double(n):
    while n < STOP:
        n += 10
    return n * 2
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of one function, and two tests: one that looks at what it returns, one that does not."""
    package = tmp_path / "mutated_here"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "m.py").write_text(MODULE)
    call = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom mutated_here.m import double\n"
    (tmp_path / "test_looks.py").write_text(f"{call}def test(): assert double(-3) == 14\n")
    (tmp_path / "test_blind.py").write_text(f"{call}def test(): double(3)\n")
    return tmp_path


def a_trial(project: Path, change: str, test: str, limit: float = 60.0) -> Trial:
    path = "mutated_here/m.py"
    (mutant,) = (m for m in mutants(path, (project / path).read_text()) if m.change.startswith(change))
    return Trial(mutant, [f"{test}.py::test"], limit)


def test_what_runs_on_import_belongs_to_no_function(project: Path) -> None:
    path = str(project / "mutated_here/m.py")
    for change in ("n * 2 -> n / 2", "while n < STOP: n"):
        assert trial.function(a_trial(project, change, "").mutant, project) == Function(path, "double")
    for change in ("0 -> 1", "for n in () if n -> "):
        assert trial.function(a_trial(project, change, "").mutant, project) is None


@pytest.mark.slow
@pytest.mark.parametrize("change", ["n * 2 -> n / 2", "10 -> 11"])
def test_a_test_that_looks_kills_the_mutant_and_one_that_does_not_lets_it_live(
    project: Path, change: str
) -> None:
    looks, blind = (a_trial(project, change, test) for test in ("test_looks", "test_blind"))
    assert trial.run(looks, "mutated_here.m", project) is Outcome.KILLED
    assert trial.run(blind, "mutated_here.m", project) is Outcome.SURVIVED
    files = ["test_looks.py", "test_blind.py"]
    assert list(trial.ready([looks, blind], project, files, workers=1)) == [
        (0, Outcome.KILLED, "test_looks.py::test"),
        (1, Outcome.SURVIVED, ""),
    ]
    assert "n * 2" in (project / "mutated_here/m.py").read_text()  # the file on disk is never touched


@pytest.mark.slow
def test_an_endless_loop_is_ended_and_counts_as_noticed(project: Path) -> None:
    endless = a_trial(project, "n += 10 -> pass", "test_looks", limit=5.0)
    assert trial.run(endless, "mutated_here.m", project) is Outcome.TIMED_OUT


@pytest.mark.slow
def test_each_function_has_the_tests_that_run_it_and_pass(project: Path) -> None:
    (project / "test_fails.py").write_text("def test(): assert False\n")
    files = ["test_looks.py", "test_blind.py", "test_fails.py"]
    covered = coverage.measure(project, files, [str(project / "mutated_here")], 60.0)
    double = Function(str(project / "mutated_here/m.py"), "double")
    assert set(covered.tests([double])) == {"test_looks.py::test", "test_blind.py::test"}
    assert covered.failed == ["test_fails.py::test"]
    assert covered.of_module(double.path) == [double]


def test_a_change_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError, match="no change 3"):
        mutate("x = 1", 3)


def test_a_mutant_names_its_place() -> None:
    assert str(Mutant("a/b.py", 0, 12, "a -> b")) == "a/b.py:12 a -> b"
