"""vhost threads of all guests together."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus.catalogue import node_vhost
from argus.catalogue.model import Metric, Value
from argus_agent.collectors.node_vhost import NodeVhost
from argus_agent.cycle import Cycle
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess, Role, Thread
from argus_agent.kernel.process import Stat


def told(collector: NodeVhost, now: float, *used: float) -> dict[Metric, Value]:
    """Two guests share the threads, which have used so many seconds of CPU."""
    stat = Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0)
    threads = tuple(Thread(n, Role.VHOST, seconds, None, None) for n, seconds in enumerate(used))
    guests = tuple(
        GuestProcess(RunningGuest("g", uuid, 1, "", "", {}), stat, {}, mine, read_at=now)
        for uuid, mine in (("a", threads[:1]), ("b", threads[1:]))
    )
    host = Host("n", Path("/proc"), Path("/sys"), monotonic=lambda: now)
    return {s.metric: s.value for s in collector.collect(Cycle(host, 1e9, running=lambda: guests))}


def test_shares_are_of_the_time_between_two_ticks() -> None:
    collector = NodeVhost()
    assert told(collector, 0, 0.0, 0.0) == {node_vhost.THREADS: 2}
    values = told(collector, 10, 2.5, 4.0)
    assert values[node_vhost.CPUS] == pytest.approx(0.65)
    assert values[node_vhost.BUSIEST] == pytest.approx(0.4)


def test_a_thread_is_never_busier_than_a_cpu() -> None:
    collector = NodeVhost()
    told(collector, 0, 0.0)
    values = told(collector, 10, 10.02)
    assert values[node_vhost.BUSIEST] == 1


def test_threads_that_are_new_are_told_at_the_next_tick() -> None:
    collector = NodeVhost()
    told(collector, 0, 0.0)
    assert told(collector, 10, 1.0, 9.0)[node_vhost.BUSIEST] == pytest.approx(0.1)
