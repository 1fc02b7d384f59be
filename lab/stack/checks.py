"""All checks of the project, in parts, with a table of what passed and how long it took."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.lab import TOP, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    argv: tuple[str, ...]
    limit: float  # seconds, after which it counts as failed


def _on_servers(name: str, mark: str = "", *more: str) -> tuple[str, ...]:
    """Tests on real servers; a cache of their own, so that what failed can be run once more."""
    cache = f"cache_dir=lab/run/pytest-{name}"
    return ("pytest", "-v", "-m", mark or name, "-o", cache, "--durations=12", *more)


_NO_SERVER = "not lab and not zabbix7 and not openstack"
# two workers: other parts run beside them
UNIT = Part("unit", ("pytest", "-q", "-m", f"{_NO_SERVER} and not slow", "-n", "2"), 1200)
FAST = (
    Part("ruff", ("ruff", "check", "."), 60),
    Part("format", ("ruff", "format", "--check", "."), 60),
    Part("mypy", ("mypy",), 300),
    Part("imports", ("lint-imports",), 60),
    Part("generated", ("argus", "render", "--check"), 60),
    UNIT,
)
SLOW = Part("slow", ("pytest", "-q", "-m", f"{_NO_SERVER} and slow", "-n", "2"), 600)
LAB = Part("lab", _on_servers("lab", "lab and not own and not quiet"), 2400)
# beside the part before, which waits for clocks more than it computes
OWN = Part("own", _on_servers("own", "lab and own", "-n", "2", "--dist", "loadfile"), 1800)
# makes a Debian 13 with its Zabbix first, once: a minute or two
ZABBIX7 = Part("zabbix7", _on_servers("zabbix7"), 900)
# beside part lab, whose servers only its last file touches; coming up takes a minute and a half
OPENSTACK = Part("openstack", _on_servers("openstack", "openstack and not faults"), 1800)
# further faults of the control plane, a minute each: only when asked for, as `./lab/test long`
FAULTS = Part("faults", _on_servers("faults"), 1800)
# half an hour of the lab as it is, after everything else was done to it; only when asked for
QUIET = Part("quiet", _on_servers("quiet"), 2400)
ON_SERVERS = (LAB, SLOW, OWN, ZABBIX7, OPENSTACK)
# Two lanes: more at once take as long, since each can use both cores, and wait badly.
ASIDE = (UNIT, SLOW, OWN)  # these touch none of the lab's servers
ON_CONTROL_PLANE = (OPENSTACK, FAULTS)
FETCHED = (
    (OPENSTACK, "openstack"),
    (OWN, "unit-node"),
)  # downloads of a minute or more, beside what needs no server
UP_LIMIT = 600
PARTS = (*(part.name for part in FAST), *(part.name for part in ON_SERVERS))


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    outcome: str  # "ok", perhaps with a word on how, or what is wrong
    seconds: float

    @property
    def passed(self) -> bool:
        return self.outcome.startswith("ok")


def run_checks(*, extent: str | None, skip: Sequence[str]) -> int:
    """Run what is not skipped, the lab coming up beside what needs no server; 0 when all passed."""
    parts = [part for part in FAST if part.name not in skip]
    later = {"fast": (), "long": (*ON_SERVERS, FAULTS, QUIET)}.get(extent or "", ON_SERVERS)
    on_servers = [part for part in later if part.name not in skip]
    if not on_servers:
        results = _run_side_by_side(parts)
    else:
        on_servers = [*(part for part in parts if part in ASIDE), *on_servers]
        parts = [part for part in parts if part not in ASIDE]
        with _lab_coming_up() as up, ExitStack() as fetching:
            for part, component in FETCHED:
                if part in on_servers:
                    fetching.enter_context(_fetching(component))
            results = _run_side_by_side(parts)
            results.append(_finish_up(up))
            if results[-1].passed:
                results += _once_more(_run_on_servers(on_servers))
    print(f"\n{'part':12} {'result':24} seconds")
    for result in results:
        print(f"{result.name:12} {result.outcome:24} {result.seconds:7.1f}")
    failed = [result.name for result in results if not result.passed]
    print(f"\n{'failed: ' + ', '.join(failed) if failed else 'all passed'}", flush=True)
    return 1 if failed else 0


def _run_side_by_side(parts: Sequence[Part]) -> list[Result]:
    """Run parts two at a time; each shows what it said when it ends, so that nothing is mixed up."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(_run_quietly, parts))


def _run_on_servers(parts: Sequence[Part]) -> list[tuple[Part, Result]]:
    """In two lanes: what works on the lab's servers, and what touches none of them."""
    with ThreadPoolExecutor(max_workers=1) as aside, ExitStack() as after:

        def beside(chosen: Sequence[Part]) -> list[tuple[Part, Future[Result]]]:
            return [(part, aside.submit(_run_quietly, part)) for part in parts if part in chosen]

        done = beside(ASIDE)
        if ZABBIX7 in parts:
            aside.submit(_prepare, "zabbix7", "install")
        if OPENSTACK in parts:
            after.enter_context(_control_plane(aside))
        done += beside(ON_CONTROL_PLANE)
        loud = [(part, _run_loudly(part)) for part in parts if part not in (*ASIDE, *ON_CONTROL_PLANE)]
        return [*loud, *((part, future.result()) for part, future in done)]


@contextmanager
def _control_plane(aside: Executor) -> Iterator[None]:
    """It comes up when `aside` has time for it, and goes down in the end unless it ran before."""
    ran_before = Lab.open().processes.pid("keystone") is not None
    coming = aside.submit(_prepare, "openstack", "up")
    try:
        yield
    finally:
        coming.result()
        if not ran_before:
            _prepare("openstack", "down")


def _prepare(component: str, verb: str) -> None:
    """So that a part need not wait for what it needs; when this fails, the part tries itself and says why."""
    with Lab.open().processes.log(f"{component}-{verb}").open("wb") as out:
        argv = [sys.executable, "-m", "stack", component, verb]
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=900, check=False)


def _run_quietly(part: Part) -> Result:
    with tempfile.TemporaryFile() as out:
        result = _run(part, out.fileno())
        out.seek(0)
        said = out.read().decode(errors="replace")
    print(f"\n=== {part.name}: {' '.join(part.argv)}\n{said}", end="", flush=True)
    return result


def _run_loudly(part: Part) -> Result:
    print(f"\n=== {part.name}: {' '.join(part.argv)}", flush=True)
    return _run(part)


def _once_more(done: Sequence[tuple[Part, Result]]) -> list[Result]:
    """Run what failed once more: real servers on a shared machine may stall, code that is wrong fails again.

    It is said in the table, so that a test that needs it often is seen and mended.
    """
    return [
        # exit code 1 of pytest: tests failed
        _second_try(part, first) if first.outcome == "exit code 1" and part not in (UNIT, SLOW) else first
        for part, first in done
    ]


def _second_try(part: Part, first: Result) -> Result:
    print(f"\n=== {part.name}: what failed, once more", flush=True)
    again = _run(Part(part.name, (*part.argv, "--last-failed", "--last-failed-no-failures=none"), part.limit))
    outcome = "ok, at the second try" if again.passed else again.outcome
    return Result(part.name, outcome, first.seconds + again.seconds)


def _run(part: Part, out: int | None = None) -> Result:
    begin = time.monotonic()
    argv = [str(SCRIPTS / part.argv[0]), *part.argv[1:]]
    try:
        code = subprocess.run(
            argv,
            cwd=TOP,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=part.limit,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return Result(part.name, f"not done in {part.limit:g} s", time.monotonic() - begin)
    outcome = "ok" if code == 0 else f"exit code {code}"
    return Result(part.name, outcome, time.monotonic() - begin)


@dataclass(frozen=True, slots=True)
class ComingUp:
    process: subprocess.Popen[bytes]
    output: Path
    begin: float


@contextmanager
def _lab_coming_up() -> Iterator[ComingUp]:
    """`lab/up` in the background; a lab that did not run before is stopped in the end, whatever happens."""
    lab = Lab.open()
    ran_before = any(lab.processes.pid(name) for name in lab.processes.names())
    output = lab.processes.log("up")
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("wb") as out:
        argv = [sys.executable, "-m", "stack", "up"]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield ComingUp(process, output, time.monotonic())
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(240)
        if not ran_before:
            subprocess.run([sys.executable, "-m", "stack", "down"], check=False, timeout=120)


@contextmanager
def _fetching(component: str) -> Iterator[None]:
    """Downloads and installs in the background; the part that needs it waits for it, or does it again."""
    output = Lab.open().processes.log(f"{component}-install")
    with output.open("wb") as out:
        argv = [sys.executable, "-m", "stack", component, "install"]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def _finish_up(up: ComingUp) -> Result:
    """Wait for `lab/up` and show what it said."""
    print("\n=== up: ./lab/up, beside the parts above", flush=True)
    outcome = "ok"
    try:
        code = up.process.wait(max(1, up.begin + UP_LIMIT - time.monotonic()))
        outcome = "ok" if code == 0 else f"exit code {code}"
    except subprocess.TimeoutExpired:
        outcome = f"not done in {UP_LIMIT} s"
    seconds = time.monotonic() - up.begin
    print(up.output.read_text(errors="replace"), flush=True)
    return Result("up", outcome, seconds)
