"""Per-process files: every number where proc(5) says it is, every damaged file a ValueError."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.process import (
    TICKS,
    parse_counters,
    parse_kilobytes,
    parse_numa_maps,
    parse_processor,
    parse_rollup,
    parse_schedstat,
    parse_stat,
    parse_status,
)

STAT = (
    "4242 ({comm}) S 1 4242 4242 0 -1 4194624 90210 0 7 0 1200 300 0 0 20 0 9 0 8150 1073741824 52000 "
    "18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 5 0 0 0 0 0"
)


@given(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=15))
def test_a_thread_may_have_any_name(comm: str) -> None:
    stat = parse_stat(STAT.format(comm=comm))
    assert (stat.comm, stat.processor, stat.rss_pages, stat.major_faults) == (comm, 5, 52000, 7)
    assert (stat.user_seconds, stat.system_seconds) == (1200 / TICKS, 300 / TICKS)


@given(st.integers(0, len(STAT) - 20))
def test_a_truncated_stat_is_an_error(cut: int) -> None:
    with pytest.raises(ValueError, match=r"cut off"):
        parse_stat(STAT.format(comm="CPU 0/KVM")[:cut])


def test_this_process_reads_itself() -> None:
    me = Path("/proc/self")
    stat = parse_stat((me / "stat").read_text())
    status = parse_status((me / "status").read_text())
    assert stat.parent == os.getppid()
    assert parse_kilobytes(status["VmRSS"]) > 1_000_000


def test_schedstat_is_in_seconds() -> None:
    stat = parse_schedstat("1500000000 250000000 42\n")
    assert (stat.run_seconds, stat.delay_seconds, stat.timeslices) == (1.5, 0.25, 42)


def test_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="not in kB"):
        parse_kilobytes("5 MB")


def test_pages_are_counted_at_their_size_on_each_node() -> None:
    maps = (
        "7f0000000000 bind:0 anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4\n"
        "7f1000000000 bind:1 file=/dev/hugepages/x huge dirty=2 N1=2 kernelpagesize_kB=1048576\n"
        "7f2000000000 default\n"
    )
    assert parse_numa_maps(maps) == {0: 4096, 1: 2 * 4096 + 2 * 2**30}


def test_the_rollup_is_in_bytes() -> None:
    text = "5500-7fff ---p 00000000 00:00 0   [rollup]\nRss:  884 kB\nAnonHugePages:  2048 kB\n"
    assert parse_rollup(text) == {"Rss": 884 * 1024, "AnonHugePages": 2048 * 1024}


def test_counters_are_read_and_words_are_passed_over() -> None:
    text = "ksm_rmap_items 5\nksm_process_profit -320\nksm_merge_any: no\nksm_mergeable: yes\n\n"
    assert parse_counters(text) == {"ksm_rmap_items": 5, "ksm_process_profit": -320}


@given(st.text(max_size=200))
def test_no_text_makes_the_counters_fail(text: str) -> None:
    assert all(isinstance(value, int) for value in parse_counters(text).values())


@pytest.mark.parametrize("comm", ["CPU 0/KVM", "a) b (c", "x) 1 2 3"])
def test_the_processor_alone_is_what_the_whole_line_says(comm: str) -> None:
    text = f"7 ({comm}) " + " ".join(map(str, ["S", *range(4, 53)]))
    assert parse_processor(text) == parse_stat(text).processor == 39
    with pytest.raises(ValueError, match="cut off"):
        parse_processor(text[:60])
