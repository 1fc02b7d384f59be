"""The way to libvirt on its own test driver, and workers that hang."""

from __future__ import annotations

import threading

import libvirt
import pytest

from argus_agent.collectors import load_collectors
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.worker import Stuck, Worker


def test_guests_come_with_state_and_definition() -> None:
    source = LibvirtSource("test:///default", 10)
    source.start(("STATE", "VCPU", "NOT_A_GROUP_OF_THIS_LIBVIRT"))
    view = source.finish()
    assert view.up
    assert view.complete
    assert view.guests is not None
    (guest,) = view.guests
    assert (guest.name, guest.state, guest.active) == ("test", 1, True)
    assert guest.definition is not None
    assert view.version.count(".") == 2
    assert view.hypervisor.startswith("TEST ")
    assert view.last_success_age == 0


def test_every_group_that_a_collector_asks_for_is_one_of_libvirts() -> None:
    groups = {group for collector in load_collectors().values() for group in collector.stats or ()}
    assert groups  # one that libvirt lacks is left out of the call
    assert [group for group in sorted(groups) if not hasattr(libvirt, f"VIR_DOMAIN_STATS_{group}")] == []


def test_an_address_that_is_none_is_an_error_with_its_reason() -> None:
    source = LibvirtSource("nonsense:///", 10)
    source.start(("STATE",))
    view = source.finish()
    assert not view.up
    assert view.guests is None
    assert view.error


def test_a_worker_returns_and_raises_what_the_call_did() -> None:
    worker = Worker("test")
    assert worker.start(lambda: 42).result(5) == 42
    with pytest.raises(ZeroDivisionError):
        worker.start(lambda: 1 // 0).result(5)


def test_while_a_call_hangs_no_second_one_is_started() -> None:
    worker, released = Worker("test"), threading.Event()
    call = worker.start(lambda: released.wait(10))
    with pytest.raises(Stuck, match="no answer within"):
        call.result(0.01)
    assert worker.busy
    with pytest.raises(Stuck, match="earlier call"):
        worker.start(lambda: None)
    released.set()
    assert call.result(5)
    assert worker.start(lambda: "again").result(5) == "again"


def test_between_ticks_only_some_guests_are_asked_for_and_what_is_known_of_all_stays() -> None:
    source = LibvirtSource("test:///default", 10)
    source.start(("STATE",))
    whole = source.finish()
    assert whole.guests is not None
    (guest,) = whole.guests
    gone = "11111111-2222-4333-8444-555555555555"
    for only, found in ((guest.uuid, 1), (gone, 0)):
        source.only = frozenset({only})
        source.start(("STATE",))
        view = source.finish()
        assert (view.up, view.complete, len(view.guests or ())) == (True, True, found)
    assert guest.uuid in source._definitions, "what was read of guests that had no event is kept"


def test_a_node_whose_events_are_of_no_guest_is_asked_whether_libvirtd_answers() -> None:
    source = LibvirtSource("nonsense:///", 10)
    source.only = frozenset()
    source.start(("STATE",))
    view = source.finish()
    assert (view.up, view.guests) == (False, None)
    assert view.error


def test_statistics_are_of_the_time_at_which_their_answer_came() -> None:
    now = [100.0]

    def clock() -> float:
        now[0] += 1
        return now[0]

    source = LibvirtSource("test:///default", 10, clock)
    source.start(("STATE",))
    begun = now[0]
    view = source.finish()
    assert view.guests is not None
    assert view.at == view.guests[0].read_at
    assert begun < view.at
