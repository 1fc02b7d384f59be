"""Three outcomes of a collector, and libvirt through the runner: on libvirt's own test driver."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from recorded import recorded_host

from argus.catalogue import agent, ksm, libvirt
from argus.catalogue.model import Metric, Sample, Value
from argus_agent.collectors.guest_state import GuestState
from argus_agent.collectors.guest_threads import GuestThreads
from argus_agent.collectors.ksm import Ksm
from argus_agent.collectors.libvirt import Libvirt
from argus_agent.cycle import Allocation, Collector, Cycle, NoData
from argus_agent.guests import LibvirtView
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.runner import ALL_GUESTS, Result, Runner

NO_EVENTS = SimpleNamespace(take_touched=frozenset, take_failed=lambda: False)


class Absent:
    stats = None

    def collect(self, _cycle: Cycle) -> Iterator[Sample]:
        raise NoData("not here")


class Broken:
    """Fails after its first sample."""

    stats = None

    def __init__(self) -> None:
        self.works = False

    def collect(self, _cycle: Cycle) -> Iterator[Sample]:
        yield ksm.RUN.sample(1)
        if not self.works:
            raise ValueError("the kernel wrote nonsense")


@pytest.fixture(scope="module")
def source() -> LibvirtSource:
    return LibvirtSource("test:///default", 10)


def run(source: LibvirtSource, **collectors: Collector) -> dict[tuple[Metric, tuple[str, ...]], Value]:
    return values(Runner(recorded_host(), collectors, source, Allocation()).run())


def values(result: Result) -> dict[tuple[Metric, tuple[str, ...]], Value]:
    return {(s.metric, s.labels): s.value for s in result.samples}


def test_a_subsystem_that_is_not_there_is_a_success(source: LibvirtSource) -> None:
    assert run(source, absent=Absent())[agent.SUCCESS, ("absent",)] == 1


def test_an_error_costs_the_collector_its_samples_and_nobody_else_theirs(source: LibvirtSource) -> None:
    found = run(source, broken=Broken(), ksm=Ksm())
    assert found[agent.SUCCESS, ("broken",)] == 0
    assert found[agent.SUCCESS, ("ksm",)] == 1
    assert found[ksm.RUN, ()] == 0


def test_every_collector_has_a_duration_and_the_cycle_counts_its_samples(source: LibvirtSource) -> None:
    host = Host("node-1", recorded_host().procfs, recorded_host().sysfs)
    result = Runner(host, {"ksm": Ksm()}, source, Allocation()).run()
    found = values(result)
    assert 0 <= float(found[agent.DURATION, ("ksm",)]) <= float(found[agent.CYCLE, ()])
    assert found[agent.SAMPLES, ()] == len(result.samples)


def test_an_error_is_logged_when_it_begins_and_when_it_ends(
    source: LibvirtSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "argus_agent.runner")
    broken = Broken()
    runner = Runner(recorded_host(), {"broken": broken}, source, Allocation())
    for works in (False, False, True, True):
        broken.works = works
        runner.run()
    assert caplog.messages == ["broken: ValueError: the kernel wrote nonsense", "broken: works again"]


def test_libvirt_is_asked(source: LibvirtSource) -> None:
    result = Runner(recorded_host(), {"libvirt": Libvirt()}, source, Allocation()).run()
    assert values(result)[libvirt.UP, ()] == 1
    assert result.libvirt.guests is not None
    assert [guest.name for guest in result.libvirt.guests] == ["test"]


def test_no_libvirtd_is_a_value_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    source = LibvirtSource("qemu:///system?socket=/nowhere/libvirt-sock", 5)
    runner = Runner(recorded_host(), {"libvirt": Libvirt(), "ksm": Ksm()}, source, Allocation())
    for _ in range(3):
        found = values(runner.run())
    assert found[libvirt.UP, ()] == 0
    assert found[ksm.RUN, ()] == 0
    assert len(caplog.messages) == 1
    assert "/nowhere/libvirt-sock" in caplog.messages[0]


def test_guests_of_the_kernel_are_no_data_where_libvirt_records_none(source: LibvirtSource) -> None:
    class AsksForProcesses:
        stats = None

        def collect(self, cycle: Cycle) -> Iterator[Sample]:
            cycle.running()
            yield from ()

    host = replace(recorded_host(), rundir=recorded_host().procfs / "none")
    runner = Runner(host, {"asks": AsksForProcesses()}, source, Allocation())
    assert values(runner.run())[agent.SUCCESS, ("asks",)] == 1


class BrokenSource:
    """An agent with a bug where libvirt is asked."""

    def __init__(self) -> None:
        self.events = NO_EVENTS

    def start(self, _groups: frozenset[str]) -> None:
        """Nothing to do."""

    def finish(self, _jobs: frozenset[str]) -> LibvirtView:
        raise KeyError("a bug")


def test_a_bug_of_the_agent_is_not_a_libvirtd_that_does_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    found = run(cast("LibvirtSource", BrokenSource()), libvirt=Libvirt())
    assert (libvirt.UP, ()) not in found
    assert found[agent.SUCCESS, ("libvirt",)] == 0
    assert "libvirtd: " not in caplog.text


def test_a_run_directory_that_may_not_be_listed_costs_neither_libvirt_nor_its_guests(
    source: LibvirtSource, tmp_path: Path
) -> None:
    recorded = recorded_host()
    (tmp_path / "qemu").symlink_to("qemu")  # a circle, as root may list everything
    host = Host("node-1", recorded.procfs, recorded.sysfs, tmp_path)
    collectors: dict[str, Collector] = {
        "guest_threads": GuestThreads(),
        "libvirt": Libvirt(),
        "state": GuestState(),
    }
    result = Runner(host, collectors, source, Allocation()).run()
    found = values(result)
    assert (found[libvirt.UP, ()], found[agent.SUCCESS, ("state",)]) == (1, 1)
    assert found[agent.SUCCESS, ("guest_threads",)] == 0  # not "there are none"
    assert (libvirt.WITHOUT_QEMU, ()) not in found
    assert list(result.unread) == [ALL_GUESTS]
