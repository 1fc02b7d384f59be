"""A real HTTP server on a port of its own, that answers, stalls or breaks off as it is told."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STALL_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: int | str = 202  # what it got

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Inbox:
    """Requests that were read whole; ``answers`` are given one after the other, then 202.

    An answer is a status, ``"reset"`` (break off after reading) or ``"stall"`` (never answer); a path among
    ``documents`` gets its JSON with a status.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)  # answered as JSON, by path
    stopping: threading.Event = field(default_factory=threading.Event)


@contextmanager
def http_server() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = inbox.answers.pop(0) if inbox.answers else 202
            inbox.requests.append(Request(self.path, dict(self.headers), body, answer))
            if answer == "stall":
                inbox.stopping.wait(STALL_SECONDS)
            elif answer == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.send_response(int(answer))
                for name, value in inbox.headers.items():
                    self.send_header(name, value)
                document = inbox.documents.get(self.path)
                text = b"" if document is None else json.dumps(document).encode()
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def finish(self) -> None:
            if not self.wfile.closed and self.connection.fileno() >= 0:
                super().finish()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield inbox
    finally:
        inbox.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
