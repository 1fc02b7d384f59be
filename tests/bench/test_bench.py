"""What bench/agent says about a run; the run itself takes minutes and needs a libvirtd."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent_bench.budgets import verdicts
from agent_bench.report import BEGIN, END, markdown, table, write_between_markers
from agent_bench.rounds import Row, Turn, pace
from agent_bench.usage import Usage, cpu_seconds, peak_rss
from stack.errors import LabError


def row(
    name: str,
    guests: int = 100,
    own: float = 1,
    wall: float = 1,
    series: int = 1,
    rss: int = 1,
) -> Row:
    return Row(name, guests, own, libvirtd=1, qemu=1, wall=wall, series=series, rss=rss)


RUN = [
    row("bare getAllDomainStats", wall=0.5),
    row("libvirt-exporter 0.2.0", own=0.2, series=1000),
    row("argus-agent", 10, own=0.01),
    row("argus-agent", 50, own=0.02),
    row("argus-agent", own=0.04, series=4000, wall=0.6),
    row("argus-agent", 200, own=0.08, rss=40_000_000),
    row("argus-agent", 500, own=0.20, rss=75_100_000),
]


def test_budgets_are_judged_as_ratios_of_one_run() -> None:
    assert [(verdict.found, verdict.holds) for verdict in verdicts(RUN)] == [
        ("0.20", True),
        ("4.0 times", True),
        ("1.20 of it", False),
        ("40.0 MB", True),
        ("75.1 MB", False),
        ("1.00 times the CPU of a guest at 500 as at 50", True),
    ]


@pytest.mark.parametrize(
    ("own", "series", "holds"), [(0.06, 4000, True), (0.0602, 4000, False), (0.06, 3999, None)]
)
def test_cpu_may_be_three_tenths_and_series_four_times(own: float, series: int, holds: bool | None) -> None:
    judged = verdicts([RUN[1], row("argus-agent", own=own, series=series)])
    assert [verdict.holds for verdict in judged[:2]] == [holds is not False, holds is not None]


def test_the_table_tells_what_a_thousand_series_cost() -> None:
    assert "| 4000 | 10.0 |" in markdown(RUN, [], "bench/agent", 1), "40 ms for 4,000"


def test_what_was_not_measured_is_not_judged() -> None:
    assert {verdict.holds for verdict in verdicts([row("argus-agent", 10)])} == {None}


def test_the_table_fits_a_terminal() -> None:
    assert max(map(len, table(RUN).splitlines())) <= 100


def test_the_machine_at_rest_is_taken_off() -> None:
    turn = Turn(Usage(0.3, 1.0, 5.0), seconds=10, cycles=2, wall=None, series=1, rss=1)
    assert turn.per_cycle(Usage(0.0, 0.02, 0.4)) == Usage(0.15, 0.4, 0.5)


def test_the_document_changes_between_its_markers_only(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"before\n{BEGIN}\nformer\n{END}\nafter\n")
    write_between_markers(file, markdown(RUN, verdicts(RUN), "bench/agent", 3))
    text = file.read_text()
    assert text.startswith(f"before\n{BEGIN}\nMade by `bench/agent`")
    assert text.endswith(f"{END}\nafter\n")
    assert "former" not in text
    file.write_text("no markers")
    with pytest.raises(LabError, match="lacks the lines"):
        write_between_markers(file, "text")


def test_cpu_time_of_a_process_is_that_of_all_its_threads() -> None:
    before = cpu_seconds(os.getpid())
    while time.process_time() < before + 0.02:
        pass
    assert cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.02)
    assert peak_rss(os.getpid()) > 1e6


@pytest.mark.parametrize(("wall", "seconds"), [(None, 4), (1.2, 4), (4.0, 4), (4.4, 8), (9.0, 12)])
def test_a_cycle_that_is_longer_than_the_interval_counts_as_one(wall: float | None, seconds: float) -> None:
    assert pace(4, wall) == seconds
