"""A child of this process that runs tests in silence, in a process group of its own."""

from __future__ import annotations

import enum
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_WITHOUT_SERVERS = "not slow and not faults and not lab and not zabbix7 and not openstack"
_NO_REWRITING = "ignore::pytest.PytestAssertRewriteWarning"  # of what this process has imported before
_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", _NO_REWRITING, "-m", _WITHOUT_SERVERS)
_POLL_SECONDS = 0.02


class Outcome(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # an endless loop is noticed as well
    SURVIVED = "survived"


def start(body: Callable[[], int]) -> int:
    """Return the pid of a child that ends with what ``body`` returns; whatever it raises is 1."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()  # what the tests start ends with it
        silent = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silent, descriptor)
        code = body()
    finally:
        os._exit(code)


def end(pid: int, limit: float) -> Outcome:
    """Wait for the child for ``limit`` seconds, then end it and all that it started."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return Outcome.SURVIVED if status == 0 else Outcome.KILLED
        time.sleep(_POLL_SECONDS)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return Outcome.TIMED_OUT


def pytest_run(top: Path, tests: Sequence[str], plugins: Sequence[object], *more: str) -> bool:
    """Return whether these tests pass, or there are none."""
    os.chdir(top)
    code = pytest.main([*_OPTIONS, *more, *tests], plugins=list(plugins))
    return code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
