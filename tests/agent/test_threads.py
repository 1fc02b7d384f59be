"""A thread of the agent that fails is begun again, logged and counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from argus.catalogue import agent
from argus_agent.collectors.agent import Agent
from argus_agent.cycle import Cycle
from argus_agent.host import Host
from argus_agent.libvirt_connection import start_event_loop
from argus_agent.libvirt_events import EventListener
from argus_agent.threads import THREADS, Lasting, Threads
from argus_agent.worker import Worker


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        threading.Event().wait(0.01)


class Part:
    """Fails as often as it is told, then runs until it is released."""

    def __init__(self, failures: int, error: BaseException) -> None:
        self.left = failures
        self.error = error
        self.released = threading.Event()
        self.runs = threading.Event()

    def run(self) -> None:
        if self.left:
            self.left -= 1
            raise self.error
        self.runs.set()
        self.released.wait(20)


@pytest.mark.parametrize("error", [OSError("disk full"), SystemExit(1), KeyError("bug")], ids=repr)
def test_a_thread_that_fails_is_begun_again_logged_and_counted(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    part = Part(2, error)
    thread = Lasting("part", part.run, pause=0.01)
    assert not thread.is_down, "not started is not down"
    thread.start()
    assert part.runs.wait(10)
    assert thread.failures == 2
    assert not thread.is_down
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "thread part failed" in caplog.text
    part.released.set()
    thread.thread.join(10)
    assert not thread.is_down, "it ended as it should"


@pytest.mark.slow
def test_a_thread_that_failed_is_down_until_it_is_begun_again() -> None:
    threads, part = Threads(), Part(1, RuntimeError("x"))
    threads.make("fine", Part(0, RuntimeError()).run).start()
    threads.make("part", part.run).start()
    wait_for(threads.failures)
    assert threads.down() == ("part",)
    assert part.runs.wait(10)
    assert threads.down() == ()


@pytest.mark.slow
def test_the_agent_tells_what_its_threads_do() -> None:
    before = {sample.metric: sample.value for sample in Agent().collect(Cycle(Host("n"), 0.0))}
    part = Part(1, RuntimeError("x"))
    THREADS.make("part", part.run).start()
    wait_for(lambda: THREADS.failures() > int(before[agent.THREAD_FAILURES]))
    after = {sample.metric: sample.value for sample in Agent().collect(Cycle(Host("n"), 0.0))}
    assert after[agent.THREADS_DOWN] == 1
    assert int(after[agent.THREAD_FAILURES]) == int(before[agent.THREAD_FAILURES]) + 1
    assert part.runs.wait(10)
    part.released.set()


@pytest.mark.slow
def test_a_call_that_ends_its_thread_is_an_error_and_the_worker_goes_on() -> None:
    worker = Worker("ended")

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match="SystemExit"):
        worker.start(leave).result(5)
    assert worker.start(lambda: 42).result(10) == 42


def test_nobody_listens_while_libvirts_event_loop_is_down() -> None:
    start_event_loop()
    part, listening = Part(10**6, RuntimeError("virEventRunDefaultImpl")), threading.Event()
    loop = Lasting("loop", part.run)
    listener = EventListener("test:///default", {}, time.monotonic, loop)
    listener.wake = listening.set
    listener.ensure()
    assert listening.wait(10)
    events = listener.events(None)
    assert events is not None
    assert events.listening
    loop.start()
    wait_for(lambda: loop.is_down)
    events = listener.events(None)
    assert events is not None
    assert not events.listening


def test_every_thread_that_lasts_is_watched() -> None:
    Worker("watched")
    start_event_loop()
    lasting = {"libvirt-events", "watched"}
    assert lasting <= {thread.name for thread in threading.enumerate()}
    assert "libvirt-events" not in THREADS.down()
