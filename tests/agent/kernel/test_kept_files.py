"""Descriptors that stay open, on this machine's own /proc: only there do files end with their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from argus_agent.kernel.kept_files import KeptFiles
from argus_agent.kernel.process import parse_schedstat, parse_stat

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def a_process() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def _pid(text: str) -> int:
    return int(text.split(maxsplit=1)[0])


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_kept_file_says_what_it_says_now() -> None:
    files = KeptFiles(8)
    path = f"/proc/self/task/{os.getpid()}/schedstat"
    before = files.parsed(path, parse_schedstat)
    deadline = time.monotonic() + 5
    while files.parsed(path, parse_schedstat) == before:  # the kernel counts at ticks of its own
        assert time.monotonic() < deadline
    assert files.parsed(path, parse_schedstat).run_seconds > before.run_seconds
    assert len(files) == 1
    files.close()


def test_what_did_not_change_is_not_parsed_again() -> None:
    files = KeptFiles(8)
    with a_process() as pid:
        path = f"/proc/{pid}/statm"
        os.kill(pid, signal.SIGSTOP)  # its memory stays as it is
        os.waitpid(pid, os.WUNTRACED)
        assert files.parsed(path, str.split) is files.parsed(path, str.split)
        assert files.parsed(path, len) > 0, "made by another parser, it is another thing"
    files.close()


def test_a_number_that_another_process_got_is_that_process(tmp_path: Path) -> None:
    files = KeptFiles(8)
    link = tmp_path / "recycled"  # what /proc/PID is: another process under the same name
    with a_process() as first:
        link.symlink_to(f"/proc/{first}")
        assert files.parsed(f"{link}/stat", _pid) == first
    with a_process() as second:
        link.unlink()
        link.symlink_to(f"/proc/{second}")
        assert files.parsed(f"{link}/stat", _pid) == second
    files.close()


def test_a_process_that_ended_is_gone_and_keeps_nothing_open() -> None:
    files = KeptFiles(8)
    before = _open_descriptors()
    with a_process() as pid:
        files.parsed(f"/proc/{pid}/stat", parse_stat)
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        files.parsed(f"/proc/{pid}/stat", parse_stat)
    assert (len(files), _open_descriptors()) == (0, before)


def test_beyond_the_limit_files_are_read_and_closed() -> None:
    files = KeptFiles(2)
    before = _open_descriptors()
    paths = [f"/proc/self/{name}" for name in ("stat", "statm", "schedstat", "comm")]
    for _ in range(2):
        assert all(files.parsed(path, len) for path in paths)
        assert (len(files), _open_descriptors()) == (2, before + 2)
    files.close()
    assert _open_descriptors() == before


def test_without_a_limit_nothing_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "cpu.stat"
    file.write_text("usage_usec 1\n")
    files = KeptFiles()
    assert files.parsed(str(file), str.strip) == "usage_usec 1"
    file.unlink()
    file.write_text("usage_usec 2\n")
    assert files.parsed(str(file), str.strip) == "usage_usec 2"


def test_what_nobody_reads_any_more_is_closed() -> None:
    files = KeptFiles(8)
    files.parsed("/proc/self/statm", len)
    for _ in range(3 * KeptFiles.IDLE_TURNS):
        files.turn()
        files.parsed("/proc/self/stat", len)
    assert len(files) == 1
    files.close()


def test_a_file_of_another_form_costs_that_reading_alone() -> None:
    files = KeptFiles(8)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            files.parsed("/proc/self/comm", int)
    assert files.parsed("/proc/self/comm", str.strip) == Path("/proc/self/comm").read_text().strip()
    files.close()


LIMITS = """
import resource
from argus_agent.kernel.kept_files import room_for_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024))
print(room_for_descriptors(400, 200), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(room_for_descriptors(10_000, 200), room_for_descriptors(10_000, 5_000))
"""


def test_the_own_limit_is_raised_as_far_as_it_may_be() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["400", "600", "824", "0"], "at last there is room for none"
