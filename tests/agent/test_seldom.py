"""What is read once a minute is told in each cycle, with what could not be read of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argus.catalogue import node_multipath
from argus.catalogue.model import Sample
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.seldom import Seldom


class Source:
    """Counts how often it is read; from then on that it is ``broken`` it raises."""

    def __init__(self) -> None:
        self.reads = 0
        self.broken = False
        self.now = 100.0
        self.seldom = Seldom(self._read)

    def _read(self, cycle: Cycle) -> Iterator[Sample]:
        self.reads += 1
        cycle.unread_files["/sys/x"] = "no"
        if self.broken:
            raise OSError("broken")
        yield node_multipath.PATHS.sample(self.reads)

    def cycle(self, *, for_events: bool = False) -> Cycle:
        host = Host("n", Path("/none"), Path("/none"), monotonic=lambda: self.now)
        return Cycle(host, self.now + 1000, for_events=for_events)

    def told(self, *, for_events: bool = False) -> list[tuple[object, float | None]]:
        cycle = self.cycle(for_events=for_events)
        found: list[tuple[object, float | None]] = [
            (sample.value, sample.at) for sample in self.seldom.collect(cycle)
        ]
        assert bool(cycle.unread_files) == bool(self.reads)
        return found


def test_it_is_read_once_a_minute_and_not_for_events() -> None:
    source = Source()
    assert source.told(for_events=True) == []
    assert source.told() == [(1, 1100.0)]
    source.now += 45
    assert source.told() == [(1, 1100.0)]
    source.now += 14.5  # cycles are not quite even
    assert source.told(for_events=True) == [(1, 1100.0)]
    assert source.told() == [(2, 1159.5)]


def test_a_failure_lasts_until_it_is_read_again() -> None:
    source = Source()
    source.broken = True
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            source.told()
        source.now += 15
    assert source.reads == 1
    source.broken = False
    source.now += 60
    assert source.told() == [(2, 1190.0)]


@pytest.mark.parametrize("failure", [OSError("broken"), NoData("there is none")])
def test_a_failure_that_is_told_again_and_again_keeps_no_cycle_alive(failure: Exception) -> None:
    def fail(_cycle: Cycle) -> Iterator[Sample]:
        raise failure

    source, depths = Source(), set()
    seldom = Seldom(fail)
    for _ in range(4):
        with pytest.raises(type(failure), match=str(failure)) as raised:
            list(seldom.collect(source.cycle()))
        depths.add(len(raised.traceback))
        source.now += 15
    assert len(depths) == 1
