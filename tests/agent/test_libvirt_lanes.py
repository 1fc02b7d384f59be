"""Questions beside the bulk one.  Answers of a libvirtd are played, as none at hand fails in these ways."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import libvirt
import pytest

from argus_agent.guests import Detail, Pool, SlowFacts
from argus_agent.libvirt_connection import Connection
from argus_agent.libvirt_lanes import SLOW_MAX_AGE, SLOW_SECONDS, DetailLane, SlowLane


class Refused(libvirt.libvirtError):  # type: ignore[misc]  # the binding has no types
    def __init__(self, code: int = libvirt.VIR_ERR_SYSTEM_ERROR) -> None:
        Exception.__init__(self, "Failed to connect socket to virtstoraged-sock")
        self.err = (code, 0, "", 0, "", "", "", 0, 0)


class PlayedPool:
    def __init__(self, name: str, *info: int) -> None:
        self._name, self._info = name, info

    def name(self) -> str:
        return self._name

    def info(self) -> tuple[int, ...]:
        if not self._info:
            raise Refused(libvirt.VIR_ERR_NO_STORAGE_POOL)
        return self._info


class PlayedDomain:
    def UUIDString(self) -> str:  # noqa: N802 -- libvirt's name
        return "u1"

    def snapshotNum(self, _flags: int) -> int:  # noqa: N802
        return 3

    def jobStats(self) -> dict[str, int]:  # noqa: N802
        return {"data_total": 5}

    def diskErrors(self) -> dict[str, int]:  # noqa: N802
        return {"vda": 2}


class PlayedLibvirt:
    """A connection; each question may be made to fail or to hang."""

    def __init__(self) -> None:
        self.pools: Callable[[], list[PlayedPool]] = lambda: [PlayedPool("p", 2, 100, 40, 60)]
        self.rate: object = 7

    def listAllStoragePools(self, _flags: int) -> list[PlayedPool]:  # noqa: N802
        return self.pools()

    def listAllDomains(self, _flags: int) -> list[PlayedDomain]:  # noqa: N802
        return [PlayedDomain()]

    def getType(self) -> str:  # noqa: N802
        return "QEMU"

    def getVersion(self) -> int:  # noqa: N802
        return 8_002_001

    def lookupByUUIDString(self, _uuid: str) -> PlayedDomain:  # noqa: N802
        return PlayedDomain()

    def getAllDomainStats(self, _groups: int, _flags: int) -> list[tuple[PlayedDomain, dict[str, object]]]:  # noqa: N802
        stats = {"dirtyrate.calc_status": 2, "dirtyrate.megabytes_per_second": self.rate}
        return [(PlayedDomain(), {"dirtyrate.calc_status": 2}), (PlayedDomain(), stats)]


class PlayedConnection(Connection):
    def __init__(self, played: PlayedLibvirt) -> None:
        super().__init__("test:///default", {})
        self._played = played

    @contextmanager
    def call(self, _kind: str) -> Iterator[Any]:
        yield self._played


class Asked:
    """A slow lane on a clock that tests turn."""

    def __init__(self) -> None:
        self.played, self.now = PlayedLibvirt(), 0.0
        self.lane = SlowLane("", {}, lambda: self.now, lambda *_: PlayedConnection(self.played))

    def after(self, seconds: float, wanted: Callable[[SlowFacts | None], object]) -> SlowFacts:
        self.now += seconds
        for _ in range(500):  # answers come from threads
            facts = self.lane.facts()
            if wanted(facts):
                assert facts is not None
                return facts
            threading.Event().wait(0.01)
        pytest.fail(f"not within 5 s: {facts}")


def complete(facts: SlowFacts | None) -> bool:
    return facts is not None and bool(
        facts.pools and facts.snapshots and facts.dirty_rates and facts.hypervisor
    )


def failed(asked: Asked, times: int, _facts: SlowFacts | None) -> bool:
    return asked.lane.failures().get("pools") == times


def refuse() -> list[PlayedPool]:
    raise Refused


def test_rates_are_in_bytes_of_mebibytes() -> None:
    facts = Asked().after(0, complete)
    assert facts.dirty_rates == {"u1": 7 * 1024 * 1024}
    assert facts.pools == (Pool("p", 2, 100, 40, 60),)
    assert facts.snapshots == {"u1": 3}
    assert facts.hypervisor == "QEMU 8.2.1"


def test_a_kind_that_fails_costs_itself_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "argus_agent.libvirt_lanes")
    asked = Asked()
    asked.played.pools = refuse
    facts = asked.after(0, lambda facts: facts and facts.snapshots and facts.dirty_rates)
    assert facts.pools is None
    for count in (1, 2, 3):
        asked.after(SLOW_SECONDS / 10 + 1, functools.partial(failed, asked, count))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    asked.played.pools = lambda: [PlayedPool("p", 2, 100, 40, 60)]
    assert asked.after(SLOW_SECONDS, complete).pools
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_a_kind_that_hangs_costs_itself() -> None:
    asked, released = Asked(), threading.Event()

    def hang() -> list[PlayedPool]:
        released.wait(20)
        return []

    asked.played.pools = hang
    facts = asked.after(0, lambda facts: facts and facts.snapshots and facts.dirty_rates)
    assert facts.pools is None
    asked.after(SLOW_SECONDS, lambda facts: facts and facts.when("snapshots") == SLOW_SECONDS)
    released.set()


def test_an_answer_is_kept_with_its_time_while_newer_ones_fail_and_forgotten_when_old() -> None:
    asked = Asked()
    asked.after(0, complete)
    asked.played.pools = refuse
    facts = asked.after(SLOW_SECONDS, lambda facts: facts and facts.when("snapshots") == SLOW_SECONDS)
    assert facts.pools
    assert facts.when("pools") == 0
    facts = asked.after(SLOW_MAX_AGE, lambda facts: facts and facts.when("snapshots") > SLOW_MAX_AGE)
    assert facts.pools is None


def test_a_pool_that_was_undefined_meanwhile_costs_itself() -> None:
    asked = Asked()
    asked.played.pools = lambda: [PlayedPool("gone"), PlayedPool("p", 2, 100, 40, 60)]
    assert [pool.name for pool in asked.after(0, complete).pools or ()] == ["p"]


def test_a_rate_of_another_form_is_not_told() -> None:
    asked = Asked()
    asked.played.rate = "unknown"
    assert (
        asked.after(0, lambda facts: facts and facts.pools and "dirty_rate" in facts.read_at).dirty_rates
        == {}
    )


def test_jobs_and_errors_of_disks_are_asked_for_whom_they_are_wanted() -> None:
    lane = DetailLane("", {}, lambda *_: PlayedConnection(PlayedLibvirt()))
    found = lane.ask(["a", "b"], ["b", "c"], 5.0)
    assert found == {
        "a": Detail(job={"data_total": 5}),
        "b": Detail({"data_total": 5}, {"vda": 2}),
        "c": Detail({}, {"vda": 2}),
    }
