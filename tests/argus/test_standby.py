"""A worker that nobody wakes runs the jobs that page itself, and lets go when others run them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from argus import config
from argus.correlator.facts import Facts
from argus.correlator.thresholds import Policy
from argus.routing.tree import everything
from argus.schedule import Performer
from argus.site import Site
from argus.standby import GRACE_SECONDS, Standby
from argus.store import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from argus.store.engine import Store

SOON = GRACE_SECONDS / 2


@dataclass
class Clock:
    """Time, and a Zabbix that counts how often it is read."""

    now: float = 1000.0
    reads: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        self.reads.append(self.now)
        return Facts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def standby(store: Store, clock: Clock, tmp_path: Path) -> Standby:
    (tmp_path / "argus.conf").write_text("[correlator]\ninterval = 5\n")
    conf = config.load(str(tmp_path / "argus.conf"))
    site = Site(store, clock, Policy(), {}, everything(("email:a@b",)), "me", clock)
    return Standby(conf, Performer(site), clock())


def after(standby: Standby, clock: Clock, seconds: float) -> int:
    clock.now += seconds
    standby.look()
    return len(clock.reads)


def others_run_it(store: Store, clock: Clock) -> None:
    with store.write() as session:
        for job in ("correlate", "deliver", "audit"):
            progress.note(session, job, clock(), 0.1)


def test_nothing_is_taken_over_while_others_run_it(standby: Standby, clock: Clock, store: Store) -> None:
    for _ in range(10):
        others_run_it(store, clock)
        assert after(standby, clock, SOON) == 0


@pytest.mark.slow
def test_a_job_that_nobody_runs_is_run_here_at_its_own_pace(standby: Standby, clock: Clock) -> None:
    assert after(standby, clock, SOON) == 0, "a worker that has just started waits"
    assert after(standby, clock, GRACE_SECONDS) == 1
    assert after(standby, clock, 1) == 1
    assert after(standby, clock, 5) == 2
    assert after(standby, clock, 5) == 3


def test_a_clock_that_was_set_back_does_not_keep_it_waiting(
    standby: Standby, clock: Clock, store: Store
) -> None:
    clock.now += 86400
    others_run_it(store, clock)
    clock.now -= 86400
    assert after(standby, clock, SOON) == 0
    assert after(standby, clock, GRACE_SECONDS) == 1
    assert after(standby, clock, 5) == 2
    clock.now -= 3600
    assert after(standby, clock, 5) == 3, "what it noted itself is of the future now"


def test_it_lets_go_when_others_are_back(standby: Standby, clock: Clock, store: Store) -> None:
    after(standby, clock, 2 * GRACE_SECONDS)
    clock.now += 1
    others_run_it(store, clock)
    assert after(standby, clock, SOON) == 1
    assert after(standby, clock, GRACE_SECONDS) == 2, "and takes over again when they go"
