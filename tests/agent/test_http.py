"""The server of /metrics, as scrapers and worse clients meet it."""

from __future__ import annotations

import gzip
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from argus_agent.settings import Address
from argus_agent.sinks.http import MAX_CLIENTS, TextServer

TEXT = b"".join(b"argus_node_ksm_run %d\n" % n for n in range(20_000))  # of several pieces


@pytest.fixture(scope="module")
def listen() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address(*free.getsockname()[:2])
    server = TextServer(address, lambda: gzip.compress(TEXT))
    server.start(look_seconds=0.05)
    yield address
    server.shutdown()
    server.server_close()


def get(listen: Address, path: str = "/metrics", **headers: str) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(f"http://{listen}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as reply:
        return reply.read(), dict(reply.headers)


def test_a_scraper_gets_the_text_compressed_if_it_can_read_that(listen: Address) -> None:
    body, headers = get(listen)
    assert body == TEXT
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    body, headers = get(listen, **{"Accept-Encoding": "deflate, gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == TEXT


@pytest.mark.parametrize(("path", "code"), [("/elsewhere", 404), ("/metrics?collect=all", 200)])
def test_other_paths_are_not_there(listen: Address, path: str, code: int) -> None:
    try:
        get(listen, path)
        found = 200
    except urllib.error.HTTPError as error:
        found = error.code
        error.close()
    assert found == code


@pytest.mark.parametrize(
    "request_", [b"POST /metrics HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"\xff\x00 nonsense\n\n", b"x" * 20_000]
)
def test_nonsense_is_refused_in_one_line(listen: Address, request_: bytes) -> None:
    with socket.create_connection((listen.host, listen.port), timeout=5) as client:
        client.sendall(request_)
        assert client.recv(4096).startswith(b"HTTP/1.1 405")


def test_clients_that_say_nothing_take_no_more_than_their_places(listen: Address) -> None:
    silent = [socket.create_connection((listen.host, listen.port), timeout=5) for _ in range(MAX_CLIENTS)]
    try:
        with socket.create_connection((listen.host, listen.port), timeout=5) as surplus:
            assert surplus.recv(1) == b"", "hung up on"
    finally:
        for client in silent:
            client.close()
