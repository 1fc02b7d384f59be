"""The lab stops what it started, all of it, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stack.errors import DownError, LabError
from stack.polling import wait_until
from stack.processes import Processes, Stat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEP = ["sleep", "60"]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    for name in started.names():
        started.stop(name)


def gone(pid: int) -> bool:
    stat = Stat.of(pid)
    return stat is None or stat.state == "Z"


def test_a_second_start_keeps_the_process(processes: Processes) -> None:
    processes.start("one", SLEEP)
    pid = processes.pid("one")
    processes.start("one", SLEEP)
    assert processes.pid("one") == pid


def test_a_process_made_from_something_else_is_replaced(processes: Processes) -> None:
    processes.start("one", SLEEP, fingerprint="old code")
    pid = processes.pid("one")
    processes.start("one", SLEEP, fingerprint="new code")
    assert processes.pid("one") not in (None, pid)


def test_stop_ends_the_process_and_forgets_it(processes: Processes) -> None:
    processes.start("one", SLEEP)
    pid = processes.pid("one")
    assert pid
    processes.stop("one")
    assert gone(pid)
    assert processes.names() == []


def test_a_stopped_process_can_be_ended(processes: Processes) -> None:
    processes.start("one", SLEEP)
    pid = processes.pid("one")
    assert pid
    os.kill(pid, signal.SIGSTOP)
    processes.stop("one", timeout=2)
    assert gone(pid)


def test_workers_of_a_dead_master_are_ended(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "worker"
    processes.start("master", ["sh", "-c", f"sleep 60 & echo $! >{file}.new; mv {file}.new {file}; wait"])
    wait_until(file.exists, timeout=5)
    master, worker = processes.pid("master"), int(file.read_text())
    assert master
    os.kill(master, signal.SIGKILL)
    wait_until(lambda: gone(master), timeout=5)
    processes.stop("master")
    assert gone(worker)


def test_a_reused_pid_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        processes.start("one", SLEEP)
        file = tmp_path / "processes" / "one.json"
        record = json.loads(file.read_text())
        ours = record["pid"]
        file.write_text(json.dumps({**record, "pid": stranger.pid, "started": record["started"] - 1000}))
        processes.stop("one")
        assert stranger.poll() is None
        assert processes.pid("one") is None
        for pid in (stranger.pid, ours):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_ends_at_once_is_reported_with_its_log(processes: Processes) -> None:
    def check() -> str:
        raise DownError("nothing listens")

    processes.start("one", [sys.executable, "-c", "print('port 1 is taken')"])
    with pytest.raises(LabError, match="ended right after its start") as caught:
        processes.wait_ready("one", check, timeout=10)
    assert "port 1 is taken" in caught.value.report()
