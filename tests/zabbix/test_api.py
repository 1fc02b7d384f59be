"""What a person reads when Zabbix cannot be used."""

from __future__ import annotations

import http.server
import json
import logging
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from argus.zabbix.api import (
    Zabbix,
    ZabbixClashError,
    ZabbixError,
    ZabbixSessionError,
    ZabbixUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def plain_web_server() -> Iterator[str]:
    """The address of a web server that is no Zabbix."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def message(url: str) -> str:
    with pytest.raises(ZabbixUnreachableError) as caught:
        Zabbix.login(url, "Admin", "secret", timeout=0.2, pauses=())
    text = str(caught.value)
    assert "secret" not in text
    assert "\n" not in text
    return text


def test_a_refused_connection_names_the_address(closed_port: str) -> None:
    assert f"cannot reach Zabbix at {closed_port}: connection refused" in message(closed_port)


def test_a_server_that_never_answers_is_given_up(silent_server: str) -> None:
    assert f"{silent_server}: no answer in time" in message(silent_server)


def test_another_web_server_is_recognised(plain_web_server: str) -> None:
    text = message(plain_web_server)
    assert f"{plain_web_server} answers HTTP 501" in text
    assert "[zabbix] url" in text


def test_an_address_without_a_scheme_is_explained() -> None:
    assert "write it as http://host:port" in message("127.0.0.1:8080")


def test_reads_are_tried_again_a_bounded_number_of_times(closed_port: str) -> None:
    zabbix = Zabbix(closed_port, timeout=0.2, pauses=(0, 0))
    with pytest.raises(ZabbixUnreachableError):
        zabbix.read("apiinfo.version")
    zabbix.close()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "no such file", id="missing"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\xff\xfe\x00", "not plain text", id="binary"),
    ],
)
def test_a_token_file_that_holds_no_token_is_named(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ZabbixSessionError, match=complaint) as caught:
        Zabbix.with_token_file("http://127.0.0.1:1", path)
    assert str(path) in str(caught.value)
    assert "argus zabbix apply" in str(caught.value)


def test_requests_are_not_logged_even_when_debugging(
    closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ZabbixError):
        Zabbix(closed_port, timeout=0.2, pauses=()).call("user.login", username="Admin", password="hunter2")
    assert "hunter2" not in caplog.text


@pytest.fixture
def clashing_api() -> Iterator[str]:
    """A Zabbix whose database breaks off whatever is written, and that tells the whole statement."""

    class Clash(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = "SQL statement execution has failed \"UPDATE items SET name=\n'x'\"."
            error = {"code": -32500, "message": "Application error.", "data": data}
            reply = {"result": "6.0.14"} if asked["method"] == "apiinfo.version" else {"error": error}
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], **reply}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Clash) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


def test_a_clash_in_the_database_is_one_line_without_the_statement(clashing_api: str) -> None:
    with (
        closing(Zabbix.with_token(clashing_api, "0" * 64)) as zabbix,
        pytest.raises(ZabbixClashError) as caught,
    ):
        zabbix.call("configuration.import", source="...")
    assert "run this again" in str(caught.value)
    assert "UPDATE" not in str(caught.value)
    assert "\n" not in str(caught.value)
