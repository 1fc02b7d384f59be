"""The kernel's CPU lists."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.cpulist import MAX_CPUS, format_cpulist, parse_cpulist

NUMBERS = st.frozensets(st.integers(0, MAX_CPUS - 1), max_size=64)


@given(NUMBERS)
def test_what_is_written_reads_back(numbers: frozenset[int]) -> None:
    assert parse_cpulist(format_cpulist(numbers)) == numbers


@given(st.text(alphabet="0123456789,- x", max_size=12))
def test_any_text_is_a_list_or_an_error_that_says_so(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(0 <= number < MAX_CPUS for number in parse_cpulist(text))


def test_runs_are_written_as_the_kernel_writes_them() -> None:
    assert format_cpulist({10, 0, 1, 2, 8, 11}) == "0-2,8,10-11"


@pytest.mark.parametrize("text", ["a", "1-", "-1", "3-1", "0-99999999", "1,,x", "1 2"])
def test_a_damaged_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a"):
        parse_cpulist(text)


def test_an_empty_file_is_no_cpus() -> None:
    assert parse_cpulist("\n") == frozenset()
