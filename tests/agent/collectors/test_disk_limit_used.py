"""How much of its limit a disk used, by readings whose times are not known to the second."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus.catalogue.guest_disk_limit import USED
from argus.catalogue.model import samples_of
from argus_agent.collectors.guest_disk_limit import LATE_SECONDS, GuestDiskLimit
from argus_agent.cycle import Cycle
from argus_agent.guests import Definition, Disk, Guest, LibvirtView
from argus_agent.host import Host

TICK = 10.0


class Load:
    """A disk that may do 100 operations a second; ``ops`` are those of the next tick."""

    def __init__(self, **limits: int) -> None:
        self.disk = Disk(limits={"total_iops_sec": 100, **limits})
        self.collector = GuestDiskLimit()
        self.now = self.ops = 0.0

    def used(self, ops: float, *, read_at: float | None = None) -> list[float]:
        self.now += TICK
        self.ops += ops
        numbers: dict[str, float | str] = {"block.0.rd.reqs": self.ops, "block.0.wr.reqs": 0}
        stats: dict[str, float | str] = {"state.state": 1, "block.count": 1, "block.0.name": "vda", **numbers}
        guest = Guest("u", "g", 1, stats, Definition(disks={"vda": self.disk}), read_at=read_at)
        host = Host("n", Path("/proc"), monotonic=lambda: self.now)
        cycle = Cycle(host, self.now, LibvirtView(up=True, guests=(guest,), at=self.now))
        return [float(s.value) for s in samples_of(self.collector.collect(cycle)) if s.metric is USED]


def test_a_disk_at_its_limit_is_at_its_limit_though_readings_come_sooner_or_later() -> None:
    load = Load()
    load.used(0)
    assert [load.used(ops) for ops in (1300, 700, 1300, 700)] == [[1], [1], [1], [1]]


def test_the_time_of_the_reading_is_what_counts_where_it_is_known() -> None:
    load = Load()
    load.used(0, read_at=10.1)
    assert load.used(700, read_at=24.1) == [pytest.approx(0.5)]


def test_a_burst_that_is_allowed_may_pass_the_limit() -> None:
    load = Load(total_iops_sec_max=500)
    load.used(0)
    assert load.used(3000) == [3]
    assert load.used(0) == [0]


def test_what_is_beyond_the_limit_is_not_carried_on_for_ever() -> None:
    load = Load()
    load.used(0)
    for _ in range(5):
        load.used(5000)
    assert load.used(0) == [pytest.approx(LATE_SECONDS / TICK)]
    assert load.used(0) == [0]
