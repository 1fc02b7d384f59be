"""Cycles between two ticks, for the sake of guests that had events: what they ask, tell and leave alone."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from argus.catalogue import agent, allocation, guest_cpu, guest_state, ksm
from argus.catalogue.model import Metric, Sample, Value
from argus_agent.collectors.allocation import AllocationOfNode
from argus_agent.collectors.guest_cpu import GuestCpu
from argus_agent.collectors.guest_state import GuestState
from argus_agent.cycle import Allocation, Collector, Cycle
from argus_agent.delivery import Courier
from argus_agent.guests import Guest, LibvirtView
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.registration import Registrations
from argus_agent.runner import Result, Runner
from argus_agent.servers import Servers
from argus_agent.sinks.prometheus import Prometheus
from argus_agent.sinks.zabbix import Zabbix
from argus_agent.spool import MemorySpool

Values = dict[tuple[Metric, tuple[str, ...]], Value]
QUIET, NOISY = "quiet", "noisy"


class FromTheKernel:
    """A collector that would read files of every guest."""

    stats = None

    def __init__(self) -> None:
        self.cycles = 0

    def collect(self, _cycle: Cycle) -> Iterator[Sample]:
        self.cycles += 1
        yield ksm.RUN.sample(self.cycles)


class Node:
    """Two guests of one vCPU; ``waited`` are the seconds that each has waited for a CPU so far."""

    def __init__(self, root: Path) -> None:
        for name in ("proc", "run/qemu", "sys/devices/system/cpu"):
            (root / name).mkdir(parents=True)
        (root / "proc/meminfo").write_text("MemTotal: 1024 kB\n")
        (root / "sys/devices/system/cpu/online").write_text("0-3\n")
        self.now = 0.0
        self.waited = {QUIET: 0.0, NOISY: 0.0}
        self.states = {QUIET: 1, NOISY: 1}
        self.touched: frozenset[str] = frozenset()
        self.asked: list[object] = []
        self.kernel = FromTheKernel()
        events = SimpleNamespace(take_touched=lambda: self.touched, take_failed=lambda: False)
        self.source = SimpleNamespace(events=events, start=self._start, finish=self._finish, only=None)
        collectors: dict[str, Collector] = {
            "kernel": self.kernel,
            "cpu": GuestCpu(),
            "state": GuestState(),
            "allocation": AllocationOfNode(),
        }
        self.host = Host(
            "node-1", root / "proc", root / "sys", root / "run", lambda: 1e9 + self.now, lambda: self.now
        )
        self.runner = Runner(self.host, collectors, cast("LibvirtSource", self.source), Allocation())

    def _start(self, _groups: object) -> None:
        self.asked.append(self.source.only)

    def _finish(self, _jobs: object) -> LibvirtView:
        guests = [
            Guest(
                uuid,
                uuid,
                1,
                {
                    "state.state": state,
                    "vcpu.maximum": 1,
                    "vcpu.current": 1,
                    "vcpu.0.delay": self.waited[uuid] * 1e9,
                },
            )
            for uuid, state in self.states.items()
        ]
        return LibvirtView(up=True, guests=tuple(guests), complete=True, at=self.now, unresponsive=0)

    def tick(self, at: float) -> Result:
        self.now, self.touched = at, frozenset()
        return self.runner.run()

    def event(self, at: float, *touched: str) -> Result:
        self.now, self.touched = at, frozenset(touched)
        return self.runner.run(for_events=True)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def values(result: Result) -> Values:
    return {(sample.metric, sample.labels): sample.value for sample in result.samples}


def test_an_event_of_one_guest_takes_nothing_from_what_the_tick_tells_of_another(node: Node) -> None:
    node.tick(0)
    node.waited[QUIET] = 12.0
    node.event(14.9, NOISY)
    told = values(node.tick(15))
    assert told[guest_cpu.STEAL_MAX, (QUIET,)] == pytest.approx(0.8)
    assert told[allocation.STEAL_MAX, ()] == pytest.approx(0.8)


def test_between_ticks_only_the_guest_is_asked_for_and_told(node: Node) -> None:
    node.tick(0)
    told = values(node.event(5, NOISY))
    node.tick(15)
    assert node.asked == [None, frozenset({NOISY}), None]
    assert {labels for _, labels in told} == {(), (NOISY,), (NOISY, "0")}
    assert node.kernel.cycles == 2
    assert not {agent.SUCCESS, agent.SAMPLES, allocation.STEAL_MAX} & {metric for metric, _ in told}
    assert agent.CYCLE in {metric for metric, _ in told}, "that is how the node is heard of"


def test_sums_over_guests_stay_sums_over_all_of_them(node: Node) -> None:
    node.tick(0)
    node.states[NOISY] = 3
    paused = values(node.event(5, NOISY))
    assert (paused[allocation.GUESTS, ()], paused[allocation.PAUSED, ()]) == (2, 1)
    assert paused[allocation.VCPUS, ()] == 2
    del node.states[NOISY]
    gone = values(node.event(6, NOISY))
    assert (gone[allocation.GUESTS, ()], gone[allocation.GUEST_UUIDS, ()]) == (1, QUIET)


def test_how_long_a_state_holds_goes_on_for_guests_without_events(node: Node) -> None:
    node.tick(0)
    node.event(5, NOISY)
    assert values(node.tick(15))[guest_state.HELD, (QUIET,)] == 15


def shown(sink: Prometheus) -> str:
    return zlib.decompress(sink.compressed(), wbits=zlib.MAX_WBITS | 16).decode()


def test_metrics_keep_what_an_event_did_not_measure(node: Node) -> None:
    sink = Prometheus(15, node.host.monotonic)
    node.tick(0)
    node.waited[NOISY] = 6.0
    sink.put(node.tick(15))
    before = shown(sink)
    node.states[NOISY] = 3
    sink.put(node.event(16, NOISY))
    after = shown(sink)
    names = [{line.rpartition(" ")[0] for line in text.splitlines()} for text in (before, after)]
    assert names[0] == names[1]
    assert 'argus_guest_state{uuid="noisy"} 1\n' in before
    assert 'argus_guest_state{uuid="noisy"} 3\n' in after
    assert 'argus_guest_cpu_steal_max_ratio{uuid="noisy"} 0.4\n' in after


def test_what_an_event_measures_first_is_added(node: Node) -> None:
    sink = Prometheus(15, node.host.monotonic)
    sink.put(node.tick(0))
    node.states["new"], node.waited["new"] = 1, 0.0
    for seconds in (1, 2):
        sink.put(node.event(seconds, "new"))
    assert shown(sink).count('argus_guest_state{uuid="new"} 1\n') == 1


class Feed:
    """The way to Zabbix as far as the spool."""

    def __init__(self, node: Node) -> None:
        self._spool = MemorySpool(1000)
        self.registrations = Registrations("node-1", node.host.clock, node.host.monotonic)
        courier = Courier(Servers((), 1, lambda: 0.0), self._spool, self.registrations, lambda: 0.0)
        self._sink = Zabbix("node-1", self._spool, self.registrations, courier)

    def put(self, result: Result) -> dict[str, dict[str, object]]:
        """Documents of a cycle by host."""
        self._sink.put(result)
        waiting = self._spool.oldest(1000, ())
        self._spool.remove([number for number, _ in waiting])
        return {value.host: json.loads(value.value) for _, value in waiting}


def test_zabbix_gets_the_guest_and_no_gauge_that_is_of_ticks(node: Node) -> None:
    feed = Feed(node)
    feed.put(node.tick(0))
    sent = feed.put(node.event(5, NOISY))
    assert set(sent) == {"node-1", NOISY}
    assert "cpu_steal_max_ratio" not in sent[NOISY]
    assert "agent_samples" not in sent["node-1"]
    assert feed.registrations.hosts() == {"node-1", QUIET, NOISY}, "the other one is still here"


def test_a_guest_whose_end_was_the_event_is_no_longer_this_nodes(node: Node) -> None:
    feed = Feed(node)
    feed.put(node.tick(0))
    del node.states[NOISY]
    assert set(feed.put(node.event(5, NOISY))) == {"node-1"}
    assert feed.registrations.hosts() == {"node-1", QUIET}
