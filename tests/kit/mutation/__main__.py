"""``python -m mutation PART``: tries mutants of a part of the code and says which ones no test noticed."""

from __future__ import annotations

import argparse
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis  # noqa: F401 -- once here, and not in every child

from mutation import coverage, trial
from mutation.child import Outcome
from mutation.operators import Mutant, mutants
from mutation.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

TOP = Path(__file__).resolve().parents[3]
BASELINE_SECONDS = 3600.0
LEAST_SECONDS = 60.0
LONGER = 10
"""A mutant's tests may take so many times what they took on the code as it is: the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Part:
    """Code, by pattern, and all tests that may notice a change of it; ``roots`` are import roots."""

    code: tuple[str, ...]
    tests: tuple[str, ...]
    root: str


PARTS = {
    "agent": Part(
        ("agents/argus_agent/kernel/*.py", "agents/argus_agent/collectors/*.py",
         "agents/argus_agent/sinks/*.py", *(f"agents/argus_agent/{name}.py" for name in (
             "allotted", "cycle", "derived", "disk_limits", "guests", "in_turn", "placement", "reading",
             "seldom"))),
        ("tests/agent",),
        "agents",
    ),
    "correlator": Part(
        ("argus/correlator/*.py", "argus/correlator/rules/*.py", "argus/store/*.py", "argus/routing/*.py",
         "argus/notify/*.py", "argus/delivery.py", "argus/cycle.py", "argus/reminders.py"),
        ("tests/correlator", "tests/store", "tests/routing", "tests/notify", "tests/argus"),
        ".",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What became of the mutants, told as it happens."""

    count: int
    survivors: list[Mutant] = field(default_factory=list)
    killed: int = 0
    timed_out: int = 0

    def add(self, mutant: Mutant, outcome: Outcome, note: str = "") -> None:
        """Count one, and print it."""
        if outcome is Outcome.SURVIVED:
            self.survivors.append(mutant)
        else:
            self.killed += 1
            self.timed_out += outcome is Outcome.TIMED_OUT
        done = self.killed + len(self.survivors)
        print(f"{done:4}/{self.count} {outcome.value:9} {mutant}  {note}", flush=True)


def main() -> int:
    """Return 1 when a mutant survived."""
    options = _options()
    part = PARTS[options.part]
    found = [m for path in _files(part, options.only) for m in mutants(path, (TOP / path).read_text())]
    chosen = random.Random(options.seed).sample(found, min(options.count, len(found)))
    chosen.sort(key=lambda mutant: (mutant.path, mutant.line, mutant.number))
    print(f"{len(chosen)} of {len(found)} mutants of {options.part}, seed {options.seed}", flush=True)
    folders = {str((TOP / mutant.path).parent) for mutant in chosen}
    covered = coverage.measure(TOP, part.tests, folders, BASELINE_SECONDS)
    print(f"{len(covered.seconds)} tests in {sum(covered.seconds.values()):.0f} s", flush=True)
    for test in covered.failed:
        print(f"fails on the code as it is, and is left out: {test}", flush=True)
    tally = Tally(len(chosen))
    _try_all(chosen, part, covered, tally, options.workers)
    print(
        f"{tally.killed} of {len(chosen)} noticed ({tally.killed / len(chosen):.1%}), "
        f"{tally.timed_out} of them by a time-out"
    )
    return 1 if tally.survivors else 0


def _try_all(
    chosen: Sequence[Mutant], part: Part, covered: coverage.Coverage, tally: Tally, workers: int
) -> None:
    """What runs on import is tried first, while nothing of the code is imported in this process."""
    inside: list[Trial] = []
    on_import: list[Trial] = []
    for mutant in chosen:
        function = trial.function(mutant, TOP)
        functions = [function] if function else covered.of_module(str(TOP / mutant.path))
        tests = covered.tests(functions)
        limit = LEAST_SECONDS + LONGER * sum(covered.seconds[test] for test in tests)
        if not tests:
            tally.add(mutant, Outcome.SURVIVED, "no test runs it")
        else:
            (inside if function else on_import).append(Trial(mutant, tests, limit))
    with ThreadPoolExecutor(workers) as pool:
        for mutant, outcome in pool.map(lambda one: (one.mutant, _import(one, part)), on_import):
            tally.add(mutant, outcome)
    for number, outcome, by in trial.ready(inside, TOP, part.tests, workers):
        tally.add(inside[number].mutant, outcome, by)
    if tally.killed + len(tally.survivors) != tally.count:
        sys.exit(f"{tally.count - tally.killed - len(tally.survivors)} mutants could not be tried")


def _import(one: Trial, part: Part) -> Outcome:
    return trial.run(one, _module(part, one.mutant.path), TOP)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--count", type=int, default=200, help="how many mutants, drawn by chance (200)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws others (1)")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time (2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path contains this")
    return parser.parse_args()


def _files(part: Part, only: str) -> list[str]:
    paths = (path for pattern in part.code for path in sorted(TOP.glob(pattern)))
    return [name for name in (str(path.relative_to(TOP)) for path in paths) if only in name]


def _module(part: Part, path: str) -> str:
    name = Path(path).relative_to(part.root).with_suffix("")
    return ".".join(p for p in name.parts if p != "__init__")


if __name__ == "__main__":
    sys.exit(main())
