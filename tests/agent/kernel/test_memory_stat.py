"""Memory of a guest from its control group: bytes in version 2, pages in version 1."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.memory_stat import Huge, parse_held, parse_huge, parse_numa_stat
from argus_agent.kernel.process import PAGE_BYTES

VERSION_2 = """\
anon N0=4096 N1=8192
file N0=900000 N1=800000
kernel_stack N0=16384 N1=16384
shmem N0=100 N1=0
file_mapped N0=70000 N1=5
anon_thp N0=0 N1=0
unevictable N0=12288 N1=0
"""
VERSION_1 = """\
total=60 N0=40 N1=20
file=30 N0=20 N1=10
anon=10 N0=6 N1=4
unevictable=20 N0=14 N1=6
hierarchical_total=65 N0=43 N1=22
hierarchical_file=30 N0=20 N1=10
hierarchical_anon=13 N0=8 N1=5
hierarchical_unevictable=22 N0=15 N1=7
"""
BEFORE_3_17 = "".join(f"{line}\n" for line in VERSION_1.splitlines() if not line.startswith("hier"))


def test_the_page_cache_of_its_disks_is_not_the_guests_memory() -> None:
    assert parse_numa_stat(VERSION_2, file_backed=False) == {0: 4196, 1: 8192}


def test_memory_made_of_files_is_what_is_mapped_of_them() -> None:
    assert parse_numa_stat(VERSION_2, file_backed=True) == {0: 74096, 1: 8197}


def test_version_1_counts_pages_and_locked_ones_apart() -> None:
    assert parse_numa_stat(VERSION_1, file_backed=False) == {0: 23 * PAGE_BYTES, 1: 12 * PAGE_BYTES}


def test_old_kernels_have_no_sums_over_groups_below() -> None:
    assert parse_numa_stat(BEFORE_3_17, file_backed=False) == {0: 20 * PAGE_BYTES, 1: 10 * PAGE_BYTES}


def test_version_1_does_not_tell_memory_made_of_files_from_the_page_cache() -> None:
    assert parse_numa_stat(VERSION_1, file_backed=True) is None


def test_nodes_need_not_be_numbered_in_a_row() -> None:
    assert parse_numa_stat("anon N0=1 N8=2 N255=3\nshmem N0=0 N8=9 N255=0\n", file_backed=False) == {
        0: 1,
        8: 11,
        255: 3,
    }


def test_one_odd_line_costs_that_line() -> None:
    text = "shmem N0=oops\nanon N0=5 N1=6\nnew_thing 7\n"
    assert parse_numa_stat(text, file_backed=False) == {0: 5, 1: 6}


@given(st.text(max_size=200), st.booleans())
def test_a_file_of_another_form_tells_nothing(text: str, file_backed: bool) -> None:
    assert parse_numa_stat(text, file_backed=file_backed) is None


def test_huge_pages_of_anonymous_and_of_shared_memory() -> None:
    assert parse_huge("anon 9\nanon_thp 4194304\nfile_thp 1\nshmem_thp 2097152\n") == Huge(4194304, 2097152)


def test_version_1_says_nothing_of_shared_huge_pages() -> None:
    assert parse_huge("rss 9\nrss_huge 0\ntotal_rss_huge 2097152\n") == Huge(2097152, None)


def test_what_is_mapped_is_anonymous_or_of_files() -> None:
    assert parse_held("anon 5\nfile 90\nfile_mapped 7\n") == 12
    assert parse_held("rss 1\nmapped_file 2\ntotal_rss 30\ntotal_mapped_file 4\n") == 34
    assert parse_held("file 9\n") is None


def test_a_kernel_before_5_0_does_not_count_huge_pages() -> None:
    assert parse_huge("anon 9\nfile 8\n") == Huge(None, None)
