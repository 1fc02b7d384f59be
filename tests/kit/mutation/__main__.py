"""``python -m mutation PART``: tries mutants of a part of the code and says which ones no test noticed."""

from __future__ import annotations

import argparse
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutation import trial
from mutation.operators import Mutant, mutants
from mutation.trial import Outcome

TOP = Path(__file__).resolve().parents[3]
LEAST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """Code, by pattern, and all tests that may notice a change of it; ``roots`` are import roots."""

    code: tuple[str, ...]
    tests: tuple[str, ...]
    root: str


PARTS = {
    "agent": Part(
        ("agents/argus_agent/kernel/*.py", "agents/argus_agent/collectors/*.py", "agents/argus_agent/*.py",
         "agents/argus_agent/sinks/*.py", "agents/argus_agent/audit/*.py"),
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


def main() -> int:
    """Return 1 when a mutant survived that was not expected to."""
    options = _options()
    part = PARTS[options.part]
    found = [m for path in _files(part, options.only) for m in mutants(path, (TOP / path).read_text())]
    chosen = random.Random(options.seed).sample(found, min(options.count, len(found)))
    chosen.sort(key=lambda mutant: (mutant.path, mutant.line, mutant.number))
    print(f"{len(chosen)} of {len(found)} mutants of {options.part}, seed {options.seed}", flush=True)
    survivors, timed_out = [], 0
    with ThreadPoolExecutor(options.workers) as pool:
        for number, (mutant, outcome) in enumerate(pool.map(lambda m: (m, _try(m, part)), chosen), start=1):
            timed_out += outcome is Outcome.TIMED_OUT
            if outcome is Outcome.SURVIVED:
                survivors.append(mutant)
                print(f"{number:4}/{len(chosen)} SURVIVED {mutant}", flush=True)
            elif number % 10 == 0:
                print(f"{number:4}/{len(chosen)}", flush=True)
    killed = len(chosen) - len(survivors)
    print(
        f"{killed} of {len(chosen)} noticed ({killed / len(chosen):.1%}), {timed_out} of them by a time-out"
    )
    return 1 if survivors else 0


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
    name = (
        Path(path).relative_to(part.root).with_suffix("") if part.root != "." else Path(path).with_suffix("")
    )
    return ".".join(p for p in name.parts if p != "__init__")


def _try(mutant: Mutant, part: Part) -> Outcome:
    """Run the tests that name the module first, as they notice most, then all of the part's."""
    module = _module(part, mutant.path)
    near = [str(path) for path in _test_files(part) if _names(path, module)]
    for tests in (near, list(part.tests)):
        if not tests:
            continue
        outcome = trial.run(mutant, module, TOP, tests, _limit(tuple(tests)))
        if outcome is not Outcome.SURVIVED:
            return outcome
    return Outcome.SURVIVED


def _test_files(part: Part) -> list[Path]:
    return sorted(path for folder in part.tests for path in (TOP / folder).rglob("test_*.py"))


def _names(path: Path, module: str) -> bool:
    package, _, name = module.rpartition(".")
    text = path.read_text()
    return (
        f"{module} import" in text or f"from {package} import {name}" in text or path.stem == f"test_{name}"
    )


_LIMITS: dict[tuple[str, ...], float] = {}


def _limit(tests: tuple[str, ...]) -> float:
    """Four times what the unchanged code takes; ends the run when that fails."""
    if tests not in _LIMITS:
        outcome, seconds = trial.unchanged(TOP, tests, 900.0)
        if outcome is not Outcome.SURVIVED:
            sys.exit(f"the tests {' '.join(tests)} fail on the code as it is")
        _LIMITS[tests] = max(LEAST_SECONDS, 4 * seconds)
    return _LIMITS[tests]


if __name__ == "__main__":
    sys.exit(main())
