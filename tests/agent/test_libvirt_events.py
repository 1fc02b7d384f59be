"""Events of libvirt's own test driver, as its real client library tells them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import libvirt
import pytest

from argus_agent.guests import Events
from argus_agent.libvirt_connection import start_event_loop
from argus_agent.libvirt_events import MAX_GUESTS, EventListener


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def listener(woken: threading.Event) -> EventListener:
    """The test driver's default node is one object per process, shared by all connections to it."""
    start_event_loop()
    made = EventListener("test:///default", {}, time.monotonic)
    made.wake = woken.set
    made.ensure()
    assert woken.wait(5), "that somebody listens is told at once"
    assert made.events(None) is not None
    woken.clear()
    return made


def wait_for(condition: object, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # any callable
        assert time.monotonic() < deadline, "not within 5 s"
        threading.Event().wait(0.01)


@contextmanager
def the_domain() -> Iterator[libvirt.virDomain]:
    connection = libvirt.open("test:///default")
    domain = connection.lookupByName("test")
    try:
        yield domain
    finally:
        if not domain.isActive():
            domain.create()
        if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            domain.resume()
        connection.close()


def counted(listener: EventListener) -> Events:
    events = listener.events(None)
    assert events is not None
    return events


def test_what_happens_to_a_guest_is_counted_and_wakes_the_daemon(
    listener: EventListener, woken: threading.Event
) -> None:
    with the_domain() as domain:
        uuid = domain.UUIDString()
        domain.suspend()
        domain.resume()
        domain.destroy()
        assert woken.wait(5)
        wait_for(lambda: counted(listener).counts.get(uuid, {}).get("stopped"))
    counts = counted(listener).counts[uuid]
    assert (counts["suspended"], counts["resumed"], counts["stopped"]) == (1, 1, 1)
    assert "crashed" not in counts, "an administrator destroyed it"
    assert listener.take_touched() == {uuid}
    assert listener.take_touched() == frozenset()


def test_a_guest_that_is_gone_is_forgotten(listener: EventListener) -> None:
    with the_domain() as domain:
        domain.suspend()
        wait_for(lambda: counted(listener).counts)
    assert counted(listener).counts
    known = listener.events(known=frozenset())
    assert known is not None
    assert known.counts == {}
    assert known.received > 0, "what was received stays received"


def test_a_lost_connection_is_registered_again_at_once(
    listener: EventListener, woken: threading.Event
) -> None:
    listener._closed(None, 1, None)
    assert woken.wait(5), "the node's document shall say that libvirtd went"
    woken.clear()
    assert not counted_or_none(listener)
    listener.ensure()
    assert woken.wait(5)
    assert counted_or_none(listener)


def counted_or_none(listener: EventListener) -> bool:
    events = listener.events(None)
    return events is not None and events.listening


def test_without_a_libvirtd_there_are_no_events_and_no_error() -> None:
    listener = EventListener("qemu:///system?socket=/nowhere/sock", {}, time.monotonic)
    listener.ensure()
    wait_for(lambda: not listener._worker.busy)
    assert listener.events(None) is None


def test_a_storm_is_bounded(listener: EventListener) -> None:
    for number in range(MAX_GUESTS + 10):
        listener._note(f"guest-{number}", ["started"], redefined=False)
    events = counted(listener)
    assert len(events.counts) <= MAX_GUESTS
    assert events.lost >= 10


@pytest.mark.parametrize(("kind", "failed"), [("crashed", True), ("io_errors", True), ("started", False)])
def test_a_failure_is_told_once(listener: EventListener, kind: str, failed: bool) -> None:
    listener._note("guest", [kind], redefined=False)
    listener._note("other", ["stopped"], redefined=False)
    assert [listener.take_failed(), listener.take_failed()] == [failed, False]


def test_whoever_is_awake_is_not_woken_again_but_for_a_failure(listener: EventListener) -> None:
    woken: list[str] = []
    listener.wake = lambda: woken.append("woken")
    for kinds in (["suspended"], ["resumed"], ["crashed"], ["watchdogs"]):
        listener._note("guest", kinds, redefined=False)
    assert len(woken) == 2
    listener.take_touched()
    listener.take_failed()
    listener._note("guest", ["suspended"], redefined=False)
    assert len(woken) == 3
