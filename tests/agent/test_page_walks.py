"""Page tables are walked for one guest at a time, seldom, and never for a large one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import PAGE_BYTES, Stat
from argus_agent.page_walks import (
    FORGET_SECONDS,
    NUMA_MAPS,
    PAUSE_SECONDS,
    RENEW_SECONDS,
    SMAPS_ROLLUP,
    PageWalks,
)

MIB = 2**20


def process(number: int, rss: int = 0, start: int = 1) -> GuestProcess:
    guest = RunningGuest(f"g{number}", f"u{number}", number, "running", "booted", {})
    stat = Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, start, rss // PAGE_BYTES, 0)
    return GuestProcess(guest, stat, {}, ())


@dataclass
class Clock:
    """Stands still, or goes on by a step with each look at it."""

    now: float = 1000.0
    step: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(tmp_path: Path, clock: Clock) -> Host:
    for number in range(1, 6):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "numa_maps").write_text(f"7f0 default anon={number} N0={number} kernelpagesize_kB=4\n")
        (folder / "smaps_rollup").write_text(f"0-7 ---p 0 00:00 0 [rollup]\nAnonHugePages: {number} kB\n")
    return Host("n", tmp_path, clock=lambda: 5.0, monotonic=clock)


def test_a_file_is_read_after_it_was_asked_for(host: Host) -> None:
    walks = PageWalks(host, thread=False)
    assert walks.of(process(3), NUMA_MAPS) is None
    walks.step()
    kept = walks.of(process(3), NUMA_MAPS)
    assert kept is not None
    assert kept.value is not None
    assert (kept.value.by_node, kept.at, kept.trouble) == ({0: 3 * 4096}, 5.0, "")


def test_one_file_is_read_at_a_time_and_who_waits_longest_comes_first(host: Host, clock: Clock) -> None:
    walks = PageWalks(host, thread=False)
    guests = [process(number) for number in range(1, 6)]

    def known() -> int:
        return sum(walks.of(guest, NUMA_MAPS) is not None for guest in guests)

    assert [known(), *(walks.step() and known() for _ in guests)] == [0, 1, 2, 3, 4, 5]
    clock.now += RENEW_SECONDS
    (host.procfs / "1/numa_maps").write_text("7f0 default N1=9 kernelpagesize_kB=4\n")
    known()
    walks.step()
    kept = walks.of(guests[0], NUMA_MAPS)
    assert kept is not None
    assert kept.value is not None
    assert kept.value.by_node == {1: 9 * 4096}


def test_what_was_read_is_good_for_ten_minutes(host: Host, clock: Clock) -> None:
    walks = PageWalks(host, thread=False)
    reads = 0
    for _ in range(80):  # cycles of 15 s
        walks.of(process(1), NUMA_MAPS)
        reads += walks.step() is not None
        clock.now += 15
    assert reads == 2


def test_a_guest_that_nobody_asks_for_is_not_read_again(host: Host, clock: Clock) -> None:
    walks = PageWalks(host, thread=False)
    walks.of(process(1), NUMA_MAPS)
    assert walks.step() is not None
    clock.now += 10 * RENEW_SECONDS
    assert walks.step() is None


@pytest.mark.parametrize(("took", "rest"), [(0.0, PAUSE_SECONDS), (0.2, 100.0)])
def test_the_rest_is_as_long_as_the_file_was_expensive(
    host: Host, clock: Clock, took: float, rest: float
) -> None:
    walks = PageWalks(host, thread=False)
    walks.of(process(1), NUMA_MAPS)
    clock.step = took
    assert walks.step() == pytest.approx(rest)


def test_a_guest_that_holds_much_in_small_pages_is_never_walked(host: Host) -> None:
    walks = PageWalks(host, 512 * MIB, thread=False)
    assert walks.of(process(1, rss=513 * MIB), NUMA_MAPS) is None
    assert walks.step() is None
    walks.of(process(1, rss=511 * MIB), NUMA_MAPS)
    assert walks.step() is not None


def test_zero_turns_it_off_for_guests_in_hugetlbfs_too(host: Host) -> None:
    walks = PageWalks(host, 0, thread=False)
    walks.of(process(1, rss=0), SMAPS_ROLLUP)
    assert walks.step() is None


def test_a_guest_that_nobody_asks_for_is_forgotten_at_last(host: Host, clock: Clock) -> None:
    walks = PageWalks(host, thread=False)
    walks.of(process(1), NUMA_MAPS)
    walks.step()
    clock.now += FORGET_SECONDS
    walks.of(process(2), NUMA_MAPS)
    walks.step()
    assert walks.of(process(1), NUMA_MAPS) is not None, "not a second too soon"
    clock.now += FORGET_SECONDS + 1
    walks.step()
    assert walks.of(process(1), NUMA_MAPS) is None


def test_what_was_read_of_an_earlier_run_is_not_told_of_this_one(host: Host) -> None:
    walks = PageWalks(host, thread=False)
    walks.of(process(1, start=1), NUMA_MAPS)
    walks.step()
    assert walks.of(process(1, start=2), NUMA_MAPS) is None


def test_a_file_that_may_not_be_read_is_told_and_one_that_is_gone_is_not(host: Host) -> None:
    (host.procfs / "1/numa_maps").unlink()
    (host.procfs / "2/numa_maps").unlink()
    (host.procfs / "2/numa_maps").mkdir()
    walks = PageWalks(host, thread=False)
    said = []
    for guest in (process(1), process(2)):
        walks.of(guest, NUMA_MAPS)
        walks.step()
        kept = walks.of(guest, NUMA_MAPS)
        said.append(bool(kept and kept.trouble))
    assert said == [False, True]


def test_the_thread_reads_one_file_at_once_and_then_rests(host: Host) -> None:
    before = threading.active_count()
    walks = PageWalks(host)
    assert threading.active_count() == before  # until somebody needs it
    guests = [process(number) for number in range(1, 6)]
    done = threading.Event()

    def known() -> int:
        return sum(walks.of(guest, SMAPS_ROLLUP) is not None for guest in guests)

    for _ in range(500):
        if known():
            break
        done.wait(0.01)
    assert known() == 1
