"""Signs of life for systemd, at every interval that is allowed, and none while a cycle hangs."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from argus_agent.daemon import Daemon
from argus_agent.watchdog import CYCLE_SECONDS, Watchdog, longest_cycle

PID = 7
WATCHED = {"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(PID)}


class Clock:
    """Time that passes only in sleeps and cycles."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def signs(interval: float, cycles: int, cycle_seconds: float = 1.0) -> list[tuple[float, str]]:
    """What systemd is told, and when, by a daemon that runs so many cycles."""
    clock, told = Clock(), list[tuple[float, str]]()
    signals = SimpleNamespace(stopping=False, reload=False, woken=False, wake=None)
    left = [cycles]

    def sleep(seconds: float) -> None:
        assert seconds > 0
        clock.now += seconds

    def run(_delivery: object, *, for_events: bool) -> Any:
        assert not for_events
        clock.now += cycle_seconds
        left[0] -= 1
        signals.stopping = not left[0]
        return SimpleNamespace(failed=False)

    signals.sleep = sleep
    settings = SimpleNamespace(interval=interval, libvirt_timeout=5.0)
    runner = SimpleNamespace(watch=lambda _wake: None, run=run)
    watchdog = Watchdog(WATCHED, PID, lambda state: told.append((clock.now, state)))
    Daemon(settings, None, runner, signals, watchdog).run(clock)  # type: ignore[arg-type]  # what the loop looks at
    return told


def longest_silence(told: list[tuple[float, str]]) -> float:
    times = [at for at, state in told if "WATCHDOG=1" in state]
    return max(b - a for a, b in pairwise(times))


@pytest.mark.parametrize("interval", [1, 15, 119, 121, 900, 3600])
def test_systemd_hears_of_the_agent_in_time_at_every_interval(interval: float) -> None:
    told = signs(interval, cycles=3)
    assert longest_silence(told) <= 120 / 2
    assert sum("READY=1" in state for _, state in told) == 3


def test_a_cycle_that_hangs_gives_no_sign_of_life() -> None:
    assert longest_silence(signs(15, cycles=3, cycle_seconds=500)) >= 500


def test_a_cycle_that_may_take_long_gets_the_time_that_it_may_take() -> None:
    told: list[str] = []
    Watchdog(WATCHED, PID, told.append).allow(libvirt_timeout=300)
    longest = longest_cycle(300)
    assert longest > 3.6 * 300 + CYCLE_SECONDS / 2
    assert told == [f"EXTEND_TIMEOUT_USEC={longest * 1e6:.0f}", f"WATCHDOG_USEC={longest * 1e6:.0f}"]


def test_the_usual_timeout_needs_no_more_than_the_unit_gives() -> None:
    told: list[str] = []
    Watchdog(WATCHED, PID, told.append).allow(libvirt_timeout=5)
    assert told == []


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "8"}],
)
def test_who_is_not_watched_gives_no_sign_between_cycles(environ: dict[str, str]) -> None:
    told: list[str] = []
    watchdog = Watchdog(environ, PID, told.append)
    watchdog.alive(1e9)
    assert told == []
    assert watchdog.due() == float("inf")
