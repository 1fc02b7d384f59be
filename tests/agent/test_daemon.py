"""The daemon's loop on clocks of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from argus_agent.config import load
from argus_agent.daemon import Daemon, Signals
from argus_agent.guests import NOT_ASKED
from argus_agent.runner import Result, Runner
from argus_agent.sinks.prometheus import Prometheus


class Loop:
    """A daemon whose sleep only moves the clock; ``at`` says what happens when."""

    def __init__(self, interval: float) -> None:
        self.now = 0.0
        self.ticks: list[float] = []
        self.events: list[float] = []
        self.at: dict[float, str] = {}
        self.failed = False
        self.woken = self.reload = self.stopping = False
        self.walks = SimpleNamespace(largest=0)
        settings = replace(load(None), interval=interval)
        self.daemon = Daemon(settings, None, cast("Runner", self), cast("Signals", self))

    @property
    def guest_failed(self) -> bool:
        return self.failed

    def wake(self) -> None:
        """Nobody does."""

    def watch(self, _wake: object) -> None:
        """Nobody wakes anybody: time does."""

    def run(self, _delivery: object, *, for_events: bool) -> Result:
        (self.events if for_events else self.ticks).append(self.now)
        self.failed = False
        return Result(self.now, (), NOT_ASKED, frozenset() if for_events else None)

    def sleep(self, seconds: float) -> None:
        coming = [when for when in self.at if self.now < when <= self.now + seconds]
        if not coming:
            self.now += max(seconds, 1e-6)
            return
        self.now = min(coming)
        what = self.at.pop(self.now)
        self.woken = self.woken or what in ("event", "failure")
        self.failed = self.failed or what == "failure"
        self.stopping = what == "stop"


def test_ticks_keep_their_grid_whatever_events_come_between() -> None:
    loop = Loop(15)
    loop.at = {7.0: "event", 44.9: "event", 61.0: "stop"}
    loop.daemon.run(lambda: loop.now, lambda: 0.0)
    assert loop.ticks == [0, 15, 30, 45, 60]
    assert [round(at, 1) for at in loop.events] == [7.1]


def test_a_failure_is_told_at_once_though_other_events_have_to_wait() -> None:
    loop = Loop(1000)
    loop.at = {float(second): "event" for second in range(1, 60)} | {60.5: "failure", 62.5: "stop"}
    used = iter(range(10_000))
    loop.daemon.run(lambda: loop.now, lambda: float(next(used)))
    waiting = [at for at in loop.events if 30 <= at < 60.5]
    assert len(waiting) <= 2
    assert any(60.5 <= at <= 61.7 for at in loop.events)


def test_a_shorter_interval_holds_at_once(tmp_path: Path) -> None:
    loop = Loop(600)
    conf = tmp_path / "agent.conf"
    conf.write_text("[DEFAULT]\ninterval = 20\n")
    loop.daemon._path = conf
    loop.daemon.prometheus = shown = Prometheus(600, lambda: loop.now)
    loop.reload = True
    loop.at = {45.0: "stop"}
    loop.daemon.run(lambda: loop.now, lambda: 0.0)
    assert loop.ticks == [0, 20, 40]
    assert shown._interval == 20
