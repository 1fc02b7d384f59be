"""The spool on disk: survives kill -9, a full and a read-only disk, and damage; what it drops it counts."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.disk_spool import DiskSpool
from argus_agent.zabbix_protocol import Value

MIB = 2**20


def value(number: int, host: str = "h", size: int = 0) -> Value:
    return Value(host, "k", f'{{"number":{number}}}' + os.urandom(size).hex(), number, 0)


def clocks(spool: DiskSpool, *without: str) -> list[int]:
    return [found.clock for _, found in spool.oldest(100_000, without)]


@contextmanager
def opened(path: Path, limit: int = 1000, max_bytes: int = 10 * MIB) -> Iterator[DiskSpool]:
    spool = DiskSpool(path, limit, max_bytes)
    try:
        yield spool
    finally:
        spool.close()


def test_what_waits_is_there_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path / "s") as spool:
        spool.put([value(1), value(2), value(3)])
        spool.remove([spool.oldest(1, ())[0][0]])
    with opened(tmp_path / "s") as spool:
        assert (clocks(spool), len(spool)) == ([2, 3], 2)


@given(st.integers(1, 40), st.lists(st.integers(0, 30), max_size=6))
def test_the_newest_are_kept_and_the_others_counted(limit: int, puts: list[int]) -> None:
    with opened(Path(":memory:"), limit) as spool:
        total = 0
        for size in puts:
            spool.put(value(total + n) for n in range(size))
            total += size
        assert clocks(spool) == list(range(max(0, total - limit), total))
        assert spool.dropped == max(0, total - limit)


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    with opened(tmp_path / "s", limit=100_000, max_bytes=MIB) as spool:
        for number in range(2000):
            spool.put([value(number, size=2000)])
        assert (tmp_path / "s").stat().st_size <= MIB
        assert spool.dropped + len(spool) == 2000
        assert clocks(spool)[-1] == 1999


def test_hosts_on_hold_do_not_stop_the_others(tmp_path: Path) -> None:
    with opened(tmp_path / "s") as spool:
        spool.put([value(1, "a"), value(2, "b"), value(3, "a")])
        assert clocks(spool, "a") == [2]


def test_a_number_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    with opened(tmp_path / "s") as spool:
        spool.put([value(1), value(2)])
        number = spool.oldest(1, ())[0][0]
        spool.remove([number])
        spool.remove([number])
        assert (clocks(spool), len(spool)) == ([2], 1)


def test_a_folder_that_is_not_there_is_said_once_and_values_stay_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), opened(tmp_path / "gone/s") as spool:
        spool.put([value(1)])
        spool.put([value(2)])
        assert clocks(spool) == [1, 2]
    assert [str(tmp_path) in record.getMessage() for record in caplog.records] == [True]


def test_values_go_to_the_disk_when_it_takes_them_again(tmp_path: Path) -> None:
    with opened(tmp_path / "late/s") as spool:
        spool.put([value(1)])
        (tmp_path / "late").mkdir()
        spool.put([value(2)])
    with opened(tmp_path / "late/s") as spool:
        assert clocks(spool) == [1, 2]


def test_a_damaged_file_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"this is no database" * 100)
    with opened(tmp_path / "s") as spool:
        spool.put([value(1)])
        assert clocks(spool) == [1]
    assert (tmp_path / "s.broken").exists()


KILLED = """
import sys
from pathlib import Path
from argus_agent.disk_spool import DiskSpool
from argus_agent.zabbix_protocol import Value
spool = DiskSpool(Path(sys.argv[1]), 100_000, 10 * 2**20)
number = 0
while True:
    spool.put([Value("h", "k", "{}", number, 0)])
    print(number, flush=True)
    number += 1
"""


def test_kill_9_loses_nothing_that_was_put(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "s"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if int(line) >= 200:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait(10)
        process.stdout.close()
    last = int(rest[-1]) if rest else 200
    with opened(tmp_path / "s", limit=100_000) as spool:
        found = clocks(spool)
    assert found[: last + 1] == list(range(last + 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_nothing_that_memory_can_hold(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), opened(small_disk / "s", max_bytes=100 * MIB) as spool:
        for number in range(300):
            spool.put([value(number, size=2000)])
        assert len(spool) == 300
        assert clocks(spool) == list(range(300))
    assert ["kept in memory" in record.getMessage() for record in caplog.records] == [True]


def test_a_read_only_disk_costs_nothing(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with opened(small_disk / "s") as spool:
        spool.put([value(1)])
        assert clocks(spool) == [1]
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        spool.put([value(2)])
        assert clocks(spool) == [1, 2]
        assert (small_disk / "s").exists()


def _fill(folder: Path) -> None:
    """Write until the file system is full."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_what_zabbix_took_is_not_given_out_again_though_the_disk_keeps_it(small_disk: Path) -> None:
    with opened(small_disk / "s") as spool:
        spool.put(value(number) for number in range(300))
        _fill(small_disk)
        for number, _ in spool.oldest(200, ()):
            spool.remove([number])
        assert clocks(spool) == list(range(200, 300))
        assert len(spool) == 100
