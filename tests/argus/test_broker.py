"""How long the queue is, or that nobody knows."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from argus import broker


def test_a_broker_that_cannot_be_reached_or_is_no_redis_tells_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    assert broker.waiting(f"redis://127.0.0.1:{closed}/0") is None
    assert broker.waiting("amqp://127.0.0.1") is None


def test_a_broker_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        begin = time.monotonic()
        assert broker.waiting(f"redis://127.0.0.1:{server.getsockname()[1]}/0", timeout=0.2) is None
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize("text", [b"-NOAUTH Authentication required.\r\n", b"HTTP/1.1 400\r\n\r\n"])
def test_an_answer_that_is_no_number_is_not_zero(text: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer, args=(server, text), daemon=True)
        answering.start()
        assert broker.waiting(f"redis://127.0.0.1:{server.getsockname()[1]}/0", timeout=1) is None
        answering.join(5)


def _answer(server: socket.socket, text: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        while connection.recv(4096):
            connection.sendall(text)
