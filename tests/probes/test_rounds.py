"""Probes run beside each other on real sockets: what hangs, lies or refuses costs nobody else anything."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from http_server import http_server

from argus.probes.http import Http
from argus.probes.outcome import Outcome, State
from argus.probes.rounds import Rounds, Task
from argus.probes.target import Target
from argus.probes.tcp import Tcp
from argus.probes.wire import Answer, BlindError, Deadline, DeniedError, ProbeError, Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = Target("c", "r", "good", "x")
BAD = Target("c", "r", "bad", "x")


def fine(_deadline: Deadline) -> Outcome:
    return Outcome(State.UP)


@contextmanager
def dripping() -> Iterator[str]:
    """A stand-in for a server that sends a byte now and then, for ever."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                try:
                    while not stop.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    return  # the probe has had enough

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        stop.set()
        thread.join(5)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ProbeError("x"), State.DOWN),
        (DeniedError("x"), State.DENIED),
        (BlindError("x"), State.UNKNOWN),
        (KeyError("x"), State.UNKNOWN),
    ],
)
def test_what_a_probe_raises_becomes_its_outcome(error: Exception, state: State) -> None:
    def fail(_deadline: Deadline) -> Outcome:
        raise error

    found = Rounds().run([Task(BAD, fail, 1), Task(GOOD, fine, 1)])
    assert (found[BAD].state, found[GOOD].state) == (state, State.UP)


@pytest.mark.slow
def test_a_probe_that_hangs_delays_the_round_by_its_own_timeout_and_is_not_started_twice() -> None:
    release, started = threading.Event(), []

    def hang(_deadline: Deadline) -> Outcome:
        started.append(1)
        release.wait(30)
        return Outcome(State.UP)

    rounds = Rounds()
    begin = time.monotonic()
    first = rounds.run([Task(BAD, hang, 0.1), Task(GOOD, fine, 0.1)])
    assert time.monotonic() - begin < 10
    assert (first[BAD].state, first[GOOD].state) == (State.UNKNOWN, State.UP)
    assert "has not come back" in rounds.run([Task(BAD, hang, 0.1)])[BAD].message
    assert started == [1]
    release.set()


def test_a_server_that_drips_is_cut_off_at_the_deadline() -> None:
    with dripping() as url, pytest.raises(ProbeError, match=r"within 0\.5 s"):
        Web().get(url, Deadline(0.5))


def test_a_server_that_stalls_is_down_and_one_that_refuses_is_not() -> None:
    with http_server() as inbox:
        inbox.answers = ["stall", 403]
        with pytest.raises(ProbeError, match=r"no answer within 0\.3 s"):
            Web().ok(inbox.url, Deadline(0.3))
        with pytest.raises(DeniedError):
            Web().ok(inbox.url, Deadline(5))


def test_a_page_needs_its_status_and_its_words() -> None:
    def state(answer: int, **options: object) -> Outcome:
        inbox.answers = [answer]
        return Http((inbox.url,), **options).run(Deadline(5))  # type: ignore[arg-type]  # a test's shorthand

    with http_server() as inbox:
        assert state(200).state is State.UP
        assert state(503).state is State.DOWN
        assert "does not contain 'hello'" in state(200, contains="hello").message
        assert state(401, status=(401,)).state is State.UP


def test_k_of_n_members_must_work(unused: Callable[[], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        up = f"127.0.0.1:{server.getsockname()[1]}"
        two = Tcp((up, unused())).run(Deadline(5))
        assert (two.state, [part.state for part in two.parts]) == (State.DEGRADED, [State.UP, State.DOWN])
        assert Tcp((up, unused()), need=2).run(Deadline(5)).message.startswith("1 of 2 tcp up: 127.0.0.1:")


@pytest.fixture
def unused() -> Callable[[], str]:
    """Addresses where nobody listens."""

    def make() -> str:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return f"127.0.0.1:{server.getsockname()[1]}"

    return make


def test_an_error_page_is_told_without_its_tags() -> None:
    page = b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available.\n</body></html>"
    assert Answer(503, page, {}, 0.1).says == "503: 503 Service Unavailable No server is available."
    assert Answer(503, b'{"error": "<b>"}', {}, 0.1).says == '503: {"error": "<b>"}'
