"""Frequencies, which are asked for in turn, and throttles, which each thread of a core tells again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_cpufreq import AT_MOST_SECONDS, ROUND_SECONDS, NodeCpufreq, parse_hertz
from argus_agent.cycle import Cycle
from argus_agent.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host("n", tmp_path / "proc", tmp_path / "sys", monotonic=lambda: 0.0)


def write(host: Host, cpu: int, **files: str) -> None:
    for name, text in files.items():
        folder = "cpufreq" if name.startswith("scaling") else "topology"
        folder = "thermal_throttle" if "throttle" in name else folder
        path = host.sysfs / f"devices/system/cpu/cpu{cpu}/{folder}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def samples(collector: NodeCpufreq, host: Host, at: float = 0.0, **more: bool) -> dict[str, Sample]:
    cycle = Cycle(replace(host, monotonic=lambda: at), at, **more)  # type: ignore[arg-type]  # only for_events
    return {sample.metric.name: sample for sample in collector.collect(cycle)}


def told(collector: NodeCpufreq, host: Host, at: float = 0.0, **more: bool) -> dict[str, Value]:
    return {name: sample.value for name, sample in samples(collector, host, at, **more).items()}


def test_a_governor_is_told_where_the_frequency_is_not(host: Host) -> None:
    write(host, 0, scaling_governor="powersave")
    write(host, 1, scaling_governor="performance", scaling_cur_freq="<unknown>")
    assert told(NodeCpufreq(), host) == {"governor": "performance, powersave"}


@pytest.mark.parametrize("governor", [None, "", "<unknown>", "<unsupported>"])
def test_a_governor_that_is_not_told_is_not_made_up(host: Host, governor: str | None) -> None:
    write(host, 0, scaling_cur_freq="2000000")
    if governor is not None:
        write(host, 0, scaling_governor=governor)
    assert told(NodeCpufreq(), host) == {"mean_hertz": 2e9, "lowest_hertz": 2e9}


def test_an_odd_frequency_costs_its_cpu(host: Host) -> None:
    for cpu, text in enumerate(("1000000", "odd", "0", "3000000")):
        write(host, cpu, scaling_cur_freq=text)
    assert told(NodeCpufreq(), host)["mean_hertz"] == 2e9


def test_threads_count_once_for_their_core_and_cores_once_for_their_package(host: Host) -> None:
    for cpu in range(8):  # 0 and 4 are a core; 0, 2, 4, 6 a package
        write(host, cpu, thread_siblings_list=f"{cpu % 4},{cpu % 4 + 4}", physical_package_id=f"{cpu % 2}")
        write(host, cpu, core_throttle_count=f"{10 + (cpu == 6)}", package_throttle_count=f"{7 * (cpu % 2)}")
    assert told(NodeCpufreq(), host) == {"throttles": 41, "package_throttles": 7}


def test_a_core_whose_thread_goes_offline_has_still_been_throttled_once(host: Host) -> None:
    for cpu in (0, 1):
        write(host, cpu, thread_siblings_list="0-1", core_throttle_count="5")
    collector = NodeCpufreq()
    assert told(collector, host)["throttles"] == 5
    (host.sysfs / "devices/system/cpu/online").write_text("1\n")
    (host.sysfs / "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count").unlink()
    write(host, 1, thread_siblings_list="1", core_throttle_count="6")
    assert told(collector, host, at=ROUND_SECONDS)["throttles"] == 6


def test_throttles_are_counted_once_a_minute_and_carry_their_time(host: Host) -> None:
    write(host, 0, core_throttle_count="5")
    collector = NodeCpufreq()
    assert samples(collector, host)["throttles"].at == 0.0
    write(host, 0, core_throttle_count="6")
    assert samples(collector, host, at=15.0)["throttles"][1:] == (5, (), 0.0)
    assert samples(collector, host, at=60.0)["throttles"][1:] == (6, (), 60.0)


def test_a_quarter_of_the_cpus_is_asked_in_each_quarter_of_a_minute(host: Host) -> None:
    collector = NodeCpufreq()
    for cpu in range(8):
        write(host, cpu, scaling_cur_freq="1000000")
    assert told(collector, host)["mean_hertz"] == 1e9
    for cpu in range(8):
        write(host, cpu, scaling_cur_freq="2000000")
    assert told(collector, host, at=0.1, for_events=True)["mean_hertz"] == 1e9
    means = [told(collector, host, at=15.0 * turn)["mean_hertz"] for turn in (1, 2, 3, 4)]
    assert means == [1.25e9, 1.5e9, 1.75e9, 2e9]


def test_cpus_that_answer_slowly_are_asked_for_a_moment_only(host: Host) -> None:
    for cpu in range(100):
        write(host, cpu, scaling_cur_freq=f"{1 + (cpu > 4)}000000")
    times = iter(range(10_000))
    slow = replace(host, monotonic=lambda: next(times) * AT_MOST_SECONDS / 4)
    found = {sample.metric.name: sample.value for sample in NodeCpufreq().collect(Cycle(slow, 0.0))}
    assert found["mean_hertz"] == 1e9, "the first five"


@pytest.mark.parametrize(
    ("text", "hertz"), [("1200000\n", 1.2e9), ("<unknown>\n", None), ("0\n", None), ("", None)]
)
def test_unknown_is_no_frequency(text: str, hertz: float | None) -> None:
    assert parse_hertz(text) == hertz
