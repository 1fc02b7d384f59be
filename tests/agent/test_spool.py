"""The spool keeps what it can hold, in order, and counts what it cannot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from argus_agent.spool import COMPRESS_ABOVE, MemorySpool
from argus_agent.zabbix_protocol import Value


def value(number: int, host: str = "h") -> Value:
    return Value(host, "k", f'{{"number":{number}}}', number, 0)


def texts(spool: MemorySpool, *without: str) -> list[int]:
    return [found.clock for _, found in spool.oldest(10_000, without)]


@given(st.integers(100, 200), st.lists(st.integers(0, 60), max_size=8))
def test_the_newest_are_kept_and_the_others_counted(limit: int, puts: list[int]) -> None:
    spool = MemorySpool(limit)
    total = 0
    for size in puts:
        spool.put(value(total + n) for n in range(size))
        total += size
    assert texts(spool) == list(range(max(0, total - limit), total))
    assert spool.dropped == max(0, total - limit)
    assert len(spool) == min(total, limit)


def test_hosts_on_hold_do_not_stop_the_others() -> None:
    spool = MemorySpool(10)
    spool.put([value(1, "a"), value(2, "b"), value(3, "a")])
    assert texts(spool, "a") == [2]
    assert texts(spool) == [1, 2, 3]


def test_what_was_taken_is_gone_and_taking_it_twice_does_no_harm() -> None:
    spool = MemorySpool(10)
    spool.put([value(1), value(2)])
    ((first, _), *_) = spool.oldest(1, ())
    spool.remove([first])
    spool.remove([first])
    assert texts(spool) == [2]


def test_a_backlog_is_kept_compressed_and_comes_out_as_it_went_in() -> None:
    spool = MemorySpool(COMPRESS_ABOVE + 10)
    spool.put(value(n) for n in range(COMPRESS_ABOVE + 10))
    assert spool.oldest(10_000, ())[-1][1] == value(COMPRESS_ABOVE + 9)
