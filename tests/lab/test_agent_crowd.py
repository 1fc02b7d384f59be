"""Many guests at once on a libvirtd of their own: 200 start and end in a storm, and one stands still.

``ARGUS_STORM_GUESTS`` makes it another number.  A guest costs a third of a second of CPU to start, most of it
QEMU's, so that the 200 take half a minute of two cores, and two minutes at a load of 25.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import libvirt
import psutil
import pytest

from argus.catalogue import agent, allocation, guest_cpu, guest_events
from argus.catalogue.model import Metric
from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.host import Host
from argus_agent.libvirt_shards import GUESTS_A_SHARE
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.runner import Result, Runner
from tests.lab.conftest import Lab
from tests.lab.storm_node import Node, storm_node, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.own]

STORM = int(os.environ.get("ARGUS_STORM_GUESTS", "200"))
ALIVE = GUESTS_A_SHARE + 2  # at the same time: two calls a cycle
AT_ONCE = 4  # starting
LOOK_SECONDS = (
    1.0  # fifteen times as often as the daemon; without a pause the looking costs more than the storm
)
INTERVAL = 15.0  # the daemon's
TIMEOUT = 5.0
LIBVIRT_GIVES_UP = 30.0  # QEMU_JOB_WAIT_TIME of libvirt's qemu_domainjob.c


@dataclass(slots=True)
class Crowd:
    """The guests that are left, who watches them, and which collectors failed meanwhile."""

    node: Node
    runner: Runner
    domains: list[libvirt.virDomain]
    failed: list[tuple[str, ...]]
    rss_before: int


def told(result: Result, metric: Metric) -> set[str]:
    return {sample.labels[0] for sample in result.samples if sample.metric is metric}


def failed(result: Result) -> list[tuple[str, ...]]:
    return [s.labels for s in result.samples if s.metric is agent.SUCCESS and not s.value]


@pytest.fixture(scope="module")
def node(lab: Lab) -> Iterator[Node]:
    with storm_node(lab, "crowd-node") as made:
        yield made


@pytest.fixture(scope="module")
def crowd(node: Node) -> Crowd:
    """What is left of a storm: each guest that starts ends an earlier one, while a runner looks on."""
    host = Host("crowd", rundir=node.rundir)
    runner = Runner(host, load_collectors(), LibvirtSource(node.uri, TIMEOUT), Allocation())
    wait_for(lambda: runner.run().libvirt.events)
    before = psutil.Process().memory_info().rss
    problems: list[tuple[str, ...]] = []
    connections = [libvirt.open(node.uri) for _ in range(AT_ONCE)]

    def start(number: int) -> libvirt.virDomain:
        domain = node.start(f"storm-{number}", connection=connections[number % AT_ONCE])
        if number >= ALIVE:
            os.kill(pid_of(node, number - ALIVE), signal.SIGKILL)
        return domain

    with ThreadPoolExecutor(AT_ONCE) as pool:
        starting = [pool.submit(start, number) for number in range(STORM)]
        while not all(start.done() for start in starting):
            problems += failed(runner.run())
            wait(starting, LOOK_SECONDS)
        domains = [start.result() for start in starting[-ALIVE:]]
    for connection in connections:
        connection.close()
    return Crowd(node, runner, domains, problems, before)


def pid_of(node: Node, number: int) -> int:
    """By libvirt's own file."""
    return int((node.rundir / f"qemu/storm-{number}.pid").read_text())


def test_a_storm_of_starts_and_ends_costs_no_collector_and_leaves_nobody_out(crowd: Crowd) -> None:
    everybody = {domain.UUIDString() for domain in crowd.domains}
    assert crowd.failed == []
    assert wait_for(lambda: everybody == told(crowd.runner.run(), guest_events.CRASHED))
    happened = 2 * STORM + (STORM - ALIVE)  # started, paused; ended
    wait_for(lambda: (events := crowd.runner.run().libvirt.events) and events.received >= happened)


def test_one_qemu_that_stands_still_makes_nobody_else_late(crowd: Crowd) -> None:
    """Longer than libvirt waits for it: what was told late once must not be late again."""
    still, *others = (domain.UUIDString() for domain in crowd.domains)
    wait_for(lambda: crowd.runner.run().libvirt.complete, 60)
    pid = crowd.node.pid(crowd.domains[0])
    seen = dict.fromkeys(others, time.monotonic())
    longest, noticed = 0.0, []
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        while time.monotonic() < begun + LIBVIRT_GIVES_UP + TIMEOUT:
            result = crowd.runner.run()
            crowd.failed += failed(result)
            noticed.append(result.libvirt.unresponsive)
            for uuid in told(result, guest_cpu.TIME) & seen.keys():
                longest = max(longest, time.monotonic() - seen[uuid])
                seen[uuid] = time.monotonic()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert max(longest, *(time.monotonic() - at for at in seen.values())) < INTERVAL
    assert noticed.count(1) > len(noticed) / 2
    assert crowd.failed == []
    wait_for(lambda: still in told(crowd.runner.run(), guest_cpu.TIME), 60)
    wait_for(lambda: crowd.runner.run().libvirt.complete, 60)


def test_a_storm_of_ends_leaves_nobody_behind_and_no_memory_used(crowd: Crowd) -> None:
    pids = [pid_of(crowd.node, number) for number in range(STORM - ALIVE, STORM)]
    for number, pid in enumerate(pids):
        os.kill(pid, signal.SIGKILL)
        if number % 8 == 0:
            crowd.failed += failed(crowd.runner.run())
    empty = wait_for(lambda: nobody(crowd.runner.run()), 60)
    assert [s.value for s in empty.samples if s.metric is allocation.GUESTS] == [0]
    assert crowd.failed == []
    assert psutil.Process().memory_info().rss - crowd.rss_before < 30 * 2**20


def nobody(result: Result) -> Result | None:
    return None if any(sample.metric.entity.of_guest for sample in result.samples) else result
