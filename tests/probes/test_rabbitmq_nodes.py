"""A node of RabbitMQ that hangs or is gone is one fault, and keeps nobody from looking at the others."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from argus.probes import rabbitmq
from argus.probes.outcome import Part, State
from argus.probes.wire import Deadline, ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


@contextmanager
def management(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """The management API of a node that sees these nodes; its URL."""
    told: dict[str, Any] = {"overview": {"rabbitmq_version": "3.10.8"}, "nodes": nodes, "queues": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told.get(self.path.removeprefix("/api/").partition("?")[0], {})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def broker() -> Iterator[str]:
    """A port that answers AMQP's greeting; its address."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if connection.recv(8) == rabbitmq.GREETING:
                    connection.sendall(rabbitmq.METHOD_FRAME)

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"{HOST}:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@contextmanager
def hanging() -> Iterator[str]:
    """A port that is open and says nothing, as that of a stopped process; its address."""
    with socket.create_server((HOST, 0)) as server:
        yield f"{HOST}:{server.getsockname()[1]}"


ALL = [{"name": f"r@{host}", "running": True} for host in "abc"]


@pytest.mark.slow
def test_a_port_that_hangs_leaves_time_for_the_others() -> None:
    with management(ALL) as url, broker() as one, broker() as two, hanging() as three:
        found = rabbitmq.Rabbitmq(url, amqp=(one, two, three)).run(Deadline(1.0))
    assert found.state is State.DEGRADED
    assert [(part.host, part.state) for part in found.parts if part.kind == "amqp"] == [
        (one, State.UP),
        (two, State.UP),
        (three, State.DOWN),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["hangs", "is not there"])
def test_another_node_is_asked_when_the_first_is_silent(gone: str) -> None:
    with management(ALL) as url, hanging() as address:
        pass_by = address if gone == "hangs" else f"{HOST}:1"
        made = rabbitmq.Rabbitmq(f"http://{pass_by}", more_urls=(url,))
        assert made.run(Deadline(2.0)).state is State.UP
        with pytest.raises(ProbeError):
            rabbitmq.Rabbitmq(f"http://{pass_by}").run(Deadline(1.0))


def states(nodes: list[dict[str, Any]], *ports: State) -> list[State]:
    parts = [Part("amqp", str(n), state) for n, state in enumerate(ports)]
    found = rabbitmq.judge(nodes, [], 1000, parts)
    return [part.state for part in found.parts if part.kind == "node"]


def test_a_node_and_its_port_are_one_part_that_is_down() -> None:
    nodes = [*ALL[:2], {"name": "r@c", "running": False}]
    up, down = State.UP, State.DOWN
    assert states(nodes, up, up, down) == [up, up, State.DEGRADED], "its port is told of"
    assert states(nodes, up, up, up) == [up, up, down], "clients use other ports"
    assert states(nodes) == [up, up, down]


def test_nodes_of_one_host_have_their_whole_names() -> None:
    nodes = [{"name": name, "running": True} for name in ("r1@a", "r2@a", "r@b")]
    assert [part.host for part in rabbitmq.judge(nodes, [], 1000).parts] == ["r1@a", "r2@a", "b"]
