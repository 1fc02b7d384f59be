"""One odd line, word or column of a kernel's file costs itself alone; no text breaks a parser otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.collectors.node_block import parse_scheduler
from argus_agent.collectors.node_load import parse_averages
from argus_agent.collectors.node_net import parse_conntrack_stat, parse_softnet
from argus_agent.collectors.node_sched import parse_schedstats
from argus_agent.collectors.thp import parse_choice
from argus_agent.kernel.cgroup import parse_io_stat, parse_throttle
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.disks import parse_diskstats
from argus_agent.kernel.domstatus import parse_domstatus
from argus_agent.kernel.meminfo import parse_meminfo
from argus_agent.kernel.numbers import integers, parse_decimal, parse_hexadecimal, parse_integer
from argus_agent.kernel.pressure import parse_pressure
from argus_agent.kernel.process import (
    parse_counters,
    parse_numa_maps,
    parse_rollup,
    parse_schedstat,
    parse_stat,
    parse_status,
)
from argus_agent.kernel.stat import ALL, TICKS, Steady, parse_cpu_times
from argus_agent.kernel.topology import parse_cpumask

# Of each file what the kernel writes, line by line.
FILES: dict[Callable[[str], object], str] = {
    parse_cpu_times: "cpu  10 0 20 30 4 0 1 2 3 0\ncpu0 5 0 10 15 2 0 1 1 1 0\nintr 5 6\nctxt 77\n",
    parse_meminfo: "MemTotal:  100 kB\nNode 0 MemFree:  9 kB\nHugePages_Total:  3\nHugepagesize:  2048 kB\n",
    parse_pressure: "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 total=3\n",
    parse_schedstats: "version 15\ncpu0 0 0 0 0 0 0 3 1 7\ndomain0 03 1 2\ncpu1 0 0 0 0 0 0 1 5 3\n",
    parse_softnet: "000000a1 00000001 00000002 0\n000000a1 0000000f 00000001 0\n",
    parse_conntrack_stat: "entries found drop\n000000a1 00000000 0000000a\n000000a1 00000000 00000006\n",
    parse_counters: "pgfault 5\nnr_free: 7\nksm_merge_any: no\n",
    parse_rollup: "5581-7ffc ---p 00000000 00:00 0 [rollup]\nRss:  12 kB\nPss_Dirty:  5 kB\nTHPeligible: 1\n",
    parse_numa_maps: "55 default anon=3 N0=2 N1=1 kernelpagesize_kB=4\n7f huge N1=5 kernelpagesize_kB=2048\n",
    parse_status: "Name:\tqemu\nVmRSS:\t  20 kB\nCpus_allowed_list:\t0-3\n",
    parse_io_stat: "8:0 rbytes=5 wbytes=6 rios=1 wios=2\n253:1 rbytes=7 wbytes=8 rios=3 wios=4\n",
    parse_throttle: "8:0 Read 5\n8:0 Write 6\n8:1 Read 7\nTotal 18\n",
    parse_diskstats: "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 1 sda1 1 2 3 4 5 6 7 8 9 10 11\n",
    parse_stat: "7 (a) b) (c) S " + " ".join(map(str, range(1, 52))),
    parse_schedstat: "5000000000 100 7\n",
    parse_averages: "0.10 1.20 33.99 2/345 6789\n",
    parse_scheduler: "none [mq-deadline] kyber\n",
    parse_choice: "always [madvise] never\n",
    parse_cpulist: "0-3,8,10-11\n",
    parse_cpumask: "00000000,0000ff00\n",
    parse_domstatus: "<domstatus pid='5'><vcpus><vcpu id='0' pid='6'/></vcpus>"
    "<domain><uuid>u</uuid></domain></domstatus>",
    parse_integer: "-12\n",
    parse_decimal: "12.5\n",
    parse_hexadecimal: "ff\n",
}
ODD = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ("", "-1", "nan", "inf", "1e999", "9" * 25, "9" * 5000, "1_000", "\u0663", "0x5", "=", ":", "total=")
    ),
    st.binary(max_size=40).map(lambda data: data.decode(errors="replace")),
)


@pytest.mark.slow
@pytest.mark.parametrize("parse", FILES, ids=lambda parse: parse.__name__)
@given(data=st.data())
def test_whatever_a_file_holds_it_is_understood_or_refused(
    parse: Callable[[str], object], data: st.DataObject
) -> None:
    words = FILES[parse].split(" ")
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(words)))
        words[place : place + data.draw(st.integers(0, 2))] = [data.draw(ODD)]
    text = " ".join(words)[: data.draw(st.sampled_from((5, 40, 10_000)))]
    try:
        parse(text)
    except ValueError:
        return


BY_LINES = (
    parse_cpu_times,
    parse_meminfo,
    parse_pressure,
    parse_schedstats,
    parse_softnet,
    parse_counters,
    parse_rollup,
    parse_numa_maps,
    parse_status,
    parse_io_stat,
    parse_throttle,
    parse_diskstats,
)
ODD_LINES = (
    "",
    "   ",
    "nonsense",
    "cpu",
    "cpu7",
    "cpufreq 5 5 5 5 5 5 5 5 5 5",
    "cpu9 a b c d e f g h i j",
    "full total=",
    "odd: -",
    "Odd: 5 MB",
    "Odd: five kB",
    "\ufffd\ufffd \x00",
    "zz zz zz",
    "odd " + "9" * 4500,
    "7:7 rbytes=" + "9" * 4500,
    "8:0 rbytes=\u0663",
    "7:7 Read " + "9" * 4500,
    "8:0 Read \u0663",
    "cpu\u0663 1 2 3 4 5 6 7 8 9 10",
)


@pytest.mark.parametrize("odd", ODD_LINES, ids=range(len(ODD_LINES)))
@pytest.mark.parametrize("parse", BY_LINES, ids=lambda parse: parse.__name__)
def test_an_odd_line_costs_no_other(parse: Callable[[str], object], odd: str) -> None:
    lines = FILES[parse].splitlines()
    for place in range(len(lines) + 1):
        text = "\n".join([*lines[:place], odd, *lines[place:]]) + "\n"
        found, good = parse(text), parse(FILES[parse])
        if isinstance(good, dict):
            assert isinstance(found, dict)
            assert {key: found.get(key) for key in good} == good
        else:
            assert found == good


def test_an_odd_word_of_a_cpu_costs_its_column() -> None:
    times = parse_cpu_times("cpu  10 0 20 x 4\ncpu0 5 0 10 15 2 0 1 1 1 0 99 99\n")
    assert times[ALL] == {"user": 10, "nice": 0, "system": 20, "iowait": 4}
    assert times[0]["guest_nice"] == 0


def test_an_odd_row_of_connection_tracking_costs_no_other_row() -> None:
    text = "entries drop\n0a 05\nxx 99\n0a 06\n"
    assert parse_conntrack_stat(text)["drop"] == 11
    assert parse_conntrack_stat("entries drop\n0a 05\n0a\n") == {"entries": 20}, (
        "a sum that lacks a CPU is none"
    )
    assert parse_conntrack_stat("entries drop\n") == {}, "no CPU is not zero packets"


def test_a_word_that_is_no_number_is_unknown_and_not_zero() -> None:
    assert integers(["5", "-", "1_0", "-3", "9" * 30]) == [5, None, None, -3, None]


@pytest.mark.parametrize("word", ["nan", "inf", "-1", "1e5", ""])
def test_what_the_kernel_never_writes_is_no_number(word: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_decimal(word)


def test_a_further_word_of_schedstat_is_passed_over() -> None:
    assert parse_schedstat("2000000000 1000000000 7 12\n") == (2.0, 1.0, 7)


def test_a_counter_that_steps_back_a_little_stays_and_one_that_falls_by_much_is_followed() -> None:
    steady = Steady()
    assert steady.of("n", {"iowait": 100 * TICKS}, 2)["iowait"] == 100 * TICKS
    assert steady.of("n", {"iowait": 94 * TICKS}, 2)["iowait"] == 100 * TICKS, "3 s a CPU"
    assert steady.of("n", {"iowait": 101 * TICKS}, 2)["iowait"] == 101 * TICKS
    assert steady.of("n", {"iowait": 50 * TICKS}, 2)["iowait"] == 50 * TICKS, (
        "half of the CPUs were taken out"
    )
    assert steady.of("m", {"iowait": 1}, 2)["iowait"] == 1, "another counter"
