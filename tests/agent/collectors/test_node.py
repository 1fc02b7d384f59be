"""Collectors of the node, on a recorded machine and on machines that lack what they read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import NODE, recorded_cycle, recorded_host

from argus.catalogue import ksm, node_cpu, node_load, node_memory, thp
from argus.catalogue.model import Metric, Value, samples_of
from argus_agent.collectors.ksm import Ksm
from argus_agent.collectors.node_cpu import NodeCpu
from argus_agent.collectors.node_load import NodeLoad
from argus_agent.collectors.node_memory import NodeMemory
from argus_agent.collectors.thp import Thp, parse_choice
from argus_agent.cycle import Collector, NoData
from argus_agent.kernel.meminfo import huge_page_pools


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A copy of the recorded machine that a test may change."""
    return shutil.copytree(NODE, tmp_path / "node")


def collected(collector: Collector, root: Path = NODE) -> dict[Metric, Value]:
    samples = list(samples_of(collector.collect(recorded_cycle(host=recorded_host(root)))))
    return {sample.metric: sample.value for sample in samples}


def test_ksm_tells_every_file_the_kernel_has() -> None:
    values = collected(Ksm())
    assert values[ksm.RUN] == 0
    processes = {ksm.KSMD_CPU, ksm.COW, ksm.SWAPIN_COPY}  # not below /sys/kernel/mm/ksm
    assert set(values) >= set(ksm.SUBSYSTEM.metrics) - processes


def test_ksm_of_an_old_kernel_has_no_profit(machine: Path) -> None:
    (machine / "sys/kernel/mm/ksm/general_profit").unlink()
    assert ksm.PROFIT not in collected(Ksm(), machine)


def test_a_negative_profit_of_ksm_stays_negative(machine: Path) -> None:
    (machine / "sys/kernel/mm/ksm/general_profit").write_text("-4096\n")
    assert collected(Ksm(), machine)[ksm.PROFIT] == -4096


@pytest.mark.parametrize(
    ("collector", "folder"), [(Ksm, "ksm"), (Thp, "transparent_hugepage")], ids=["ksm", "thp"]
)
def test_a_kernel_without_the_subsystem_is_no_error(
    collector: type[Collector], folder: str, machine: Path
) -> None:
    shutil.rmtree(machine / "sys/kernel/mm" / folder)
    with pytest.raises(NoData, match=folder):
        collected(collector(), machine)


def test_thp_tells_settings_and_events() -> None:
    values = collected(Thp())
    assert values[thp.ENABLED] == "madvise"
    assert float(values[thp.ANON]) > 0
    assert thp.FAULT_ALLOC in values
    assert thp.FALLBACK_RATIO not in values, "a share needs two cycles"


def test_the_share_of_failed_huge_page_faults_is_of_the_last_interval(machine: Path) -> None:
    collector = Thp()
    (machine / "proc/vmstat").write_text("thp_fault_alloc 100\nthp_fault_fallback 100\n")
    collected(collector, machine)
    (machine / "proc/vmstat").write_text("thp_fault_alloc 103\nthp_fault_fallback 101\n")
    assert collected(collector, machine)[thp.FALLBACK_RATIO] == 0.25
    assert thp.FALLBACK_RATIO not in collected(collector, machine), "no fault, no share"


def test_a_cycle_for_events_takes_nothing_from_the_share_of_the_interval(machine: Path) -> None:
    collector = Thp()
    for given, denied, for_events, ratio in (
        (100, 100, False, None),
        (109, 100, True, None),
        (109, 101, False, 0.1),
    ):
        (machine / "proc/vmstat").write_text(f"thp_fault_alloc {given}\nthp_fault_fallback {denied}\n")
        cycle = replace(recorded_cycle(host=recorded_host(machine)), for_events=for_events)
        told = {sample.metric: sample.value for sample in samples_of(collector.collect(cycle))}
        assert told.get(thp.FALLBACK_RATIO) == ratio


@pytest.mark.parametrize(
    ("text", "word"), [("always [madvise] never\n", "madvise"), ("[always] defer+madvise\n", "always")]
)
def test_the_chosen_word_is_the_one_in_brackets(text: str, word: str) -> None:
    assert parse_choice(text) == word


def test_a_choice_without_brackets_is_an_error() -> None:
    with pytest.raises(ValueError, match="marks none"):
        parse_choice("always madvise\n")


def test_cpu_time_is_the_recorded_one() -> None:
    values = collected(NodeCpu())
    line = (NODE / "proc/stat").read_text().splitlines()[0].split()
    assert values[node_cpu.USER] == int(line[1]) / 100
    assert values[node_cpu.STEAL] == int(line[8]) / 100
    assert values[node_cpu.ONLINE] == 2


def test_a_busy_share_needs_two_cycles_and_leaves_waiting_for_io_out(machine: Path) -> None:
    collector = NodeCpu()
    (machine / "proc/stat").write_text("cpu  100 0 0 1000 0 0 0 0 0 0\n")
    assert node_cpu.USED not in collected(collector, machine)
    (machine / "proc/stat").write_text("cpu  130 0 20 1040 10 0 0 0 30 0\n")
    assert collected(collector, machine)[node_cpu.USED] == pytest.approx(0.5)


def test_idle_time_that_steps_back_is_no_gap(machine: Path) -> None:
    collector = NodeCpu()
    (machine / "proc/stat").write_text("cpu  100 0 0 1000 0 0 0 0 0 0\n")
    collected(collector, machine)
    (machine / "proc/stat").write_text("cpu  150 0 0 999 50 0 0 0 0 0\n")
    assert collected(collector, machine)[node_cpu.USED] == pytest.approx(0.5)


def test_memory_is_in_bytes() -> None:
    values = collected(NodeMemory())
    fields = dict(line.split(":") for line in (NODE / "proc/meminfo").read_text().splitlines())
    assert values[node_memory.TOTAL] == int(fields["MemTotal"].split()[0]) * 1024
    assert values[node_memory.SWAP_USED] == 0


def test_huge_page_pools_are_not_counted_as_memory_that_could_be_available(machine: Path) -> None:
    fields = {"MemTotal": 1000, "MemFree": 100, "MemAvailable": 100, "Hugetlb": 800}
    fields |= dict.fromkeys(("Buffers", "Cached", "Shmem", "Active", "Inactive", "Slab"), 0)
    (machine / "proc/meminfo").write_text("".join(f"{name}: {kb} kB\n" for name, kb in fields.items()))
    values = collected(NodeMemory(), machine)
    assert values[node_memory.AVAILABLE_RATIO] == 0.5
    assert node_memory.SWAP_USED not in values, "not told is not 0"


def test_an_old_kernel_tells_only_the_pool_of_the_default_size() -> None:
    assert huge_page_pools({"HugePages_Total": 3, "Hugepagesize": 2048 * 1024}) == 3 * 2048 * 1024
    assert huge_page_pools({"HugePages_Total": 3}) is None, "of which size?"
    assert huge_page_pools({}) == 0


def test_load_is_the_recorded_one() -> None:
    values = collected(NodeLoad())
    assert values[node_load.LOAD1] == float((NODE / "proc/loadavg").read_text().split()[0])
    assert values[node_load.UPTIME] == float((NODE / "proc/uptime").read_text().split()[0])
    assert node_load.BLOCKED in values
