"""Shares of the bulk call: every guest in one of them, and a call that hangs takes no other with it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import libvirt
import pytest

from argus_agent.guests import Guest
from argus_agent.libvirt_domains import Answer
from argus_agent.libvirt_shards import GUESTS_A_SHARE, MAX_SHARES, MAX_WORKERS, Shards, collect
from argus_agent.worker import Worker

UUIDS = tuple(f"uuid-{number}" for number in range(3 * GUESTS_A_SHARE))


@dataclass
class Libvirtd:
    """Stands in for one whose QEMUs hang at will, which takes more than a minute to play for real."""

    hung: set[str] = field(default_factory=set)
    failing: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def stats(self, _groups: int) -> Answer:
        return self.share(0, lambda _: True)

    def share(self, _groups: int, wanted: Callable[[str], bool]) -> Answer:
        if self.failing:
            raise libvirt.libvirtError("no connection")
        mine = [uuid for uuid in UUIDS if wanted(uuid)]
        self.asked += mine
        if self.hung & set(mine):
            self.released.wait(60)
        return Answer(tuple(Guest(uuid, uuid) for uuid in mine), 0.1, "9.0.0", "QEMU 7.2.0")


@contextmanager
def node() -> Iterator[tuple[Libvirtd, Shards]]:
    libvirtd = Libvirtd()
    try:
        yield libvirtd, Shards(lambda: libvirtd)  # type: ignore[arg-type, return-value]  # stands in
    finally:
        libvirtd.released.set()


@pytest.mark.parametrize("guests", [0, 1, GUESTS_A_SHARE, 10 * GUESTS_A_SHARE])
def test_every_guest_is_asked_for_once_however_many_there_are(guests: int) -> None:
    with node() as (libvirtd, shards):
        calls = shards.ask(0, guests)
        found = collect(calls, 10)
        assert found.whole
        assert sorted(guest.uuid for guest in found.guests) == sorted(libvirtd.asked) == sorted(UUIDS)
        assert len(calls) == min(MAX_SHARES, 1 + guests // GUESTS_A_SHARE)


def test_a_qemu_that_hangs_costs_its_share_alone_and_the_others_are_asked_by_whoever_is_free() -> None:
    with node() as (libvirtd, shards):
        libvirtd.hung = {UUIDS[7]}
        found = collect(shards.ask(0, len(UUIDS)), 0.5)
        assert not found.whole
        assert 0 < len(found.guests) < len(UUIDS)
        again = collect(shards.ask(0, len(UUIDS), without=libvirtd.hung), 10)
        assert {guest.uuid for guest in again.guests} == set(UUIDS) - libvirtd.hung


def test_no_more_calls_hang_than_there_are_workers() -> None:
    with node() as (libvirtd, shards):
        libvirtd.hung = set(UUIDS)
        counts = [len(shards.ask(0, len(UUIDS))) for _ in range(MAX_WORKERS)]
        assert sum(counts) == MAX_WORKERS
        assert collect(shards.ask(0, len(UUIDS)), 0.1).guests == ()


def test_an_error_of_all_calls_is_an_error_and_of_one_is_a_part_that_is_missing() -> None:
    with node() as (libvirtd, shards):
        calls = shards.ask(0, GUESTS_A_SHARE)
        collect(calls, 10)
        libvirtd.failing = True
        failed = shards.ask(0, GUESTS_A_SHARE)
        with pytest.raises(libvirt.libvirtError):
            collect(failed, 10)
        assert not collect([calls[0], failed[0]], 10).whole


def test_only_those_that_are_wanted_are_asked_for() -> None:
    with node() as (libvirtd, shards):
        collect(shards.ask(0, 2, only=UUIDS[3:5]), 10)
        assert sorted(libvirtd.asked) == sorted(UUIDS[3:5])


def test_an_answer_that_was_forgotten_is_kept_by_nobody() -> None:
    class Statistics(str):
        __slots__ = ("__weakref__",)

    worker = Worker("test")
    call = worker.start(lambda: Statistics("of a full node"))
    alive = weakref.ref(call.result(5))
    assert alive() is not None
    call.forget()
    assert alive() is None
