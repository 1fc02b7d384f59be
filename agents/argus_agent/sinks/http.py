"""A server of one text over HTTP, for scrapers.

Python's http.server brings the email and HTTP client packages with it, 2 MB that a daemon of 40 MB feels;
what a scraper needs is one GET and one answer.
"""

from __future__ import annotations

import functools
import logging
import socket
import socketserver
import threading
import zlib
from typing import TYPE_CHECKING

from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus_agent.settings import Address

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 60.0
PIECE = 1 << 16  # bytes of text
MAX_REQUEST = 16 * 1024
MAX_CLIENTS = 8
PATHS = (b"/metrics", b"/")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class TextServer(socketserver.ThreadingTCPServer):
    """One thread a client, few of them, each with a deadline; whoever comes beyond that is hung up on."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, listen: Address, compressed: Callable[[], bytes]) -> None:
        """Bind.  ``compressed`` gives the text as gzip.  Raises ``OSError``."""
        if ":" in listen.host:
            self.address_family = socket.AF_INET6
        self.compressed = compressed
        self._free = threading.BoundedSemaphore(MAX_CLIENTS)
        super().__init__((listen.host, listen.port), _Client)

    def start(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Serve from now on, in a thread that looks every so often whether it shall end.

        The daemon's never does: looking twice a second, as by default, would cost as much as all scrapes.
        """
        THREADS.make("prometheus", functools.partial(self.serve_forever, look_seconds)).start()

    def verify_request(self, _request: object, _address: object) -> bool:
        """Take a client if there is room."""
        return self._free.acquire(blocking=False)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]  # the address is only passed on
        """Give the client a thread; the place is free again where there is none to be had."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]  # the address is only passed on
        """Serve a client and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: object, client_address: object) -> None:
        """A client that goes away or is too slow is no trouble of ours."""
        log.debug("client %s", client_address)


class _Client(socketserver.BaseRequestHandler):
    server: TextServer

    def handle(self) -> None:
        """Answer one request and close."""
        self.request.settimeout(TIMEOUT_SECONDS)
        request, _, headers = self._read_head().partition(b"\n")
        method, _, rest = request.strip().partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method != b"GET":
            self._answer("405 Method Not Allowed", b"GET /metrics is all there is here\n")
        elif path not in PATHS:
            self._answer("404 Not Found", b"look at /metrics\n")
        elif _takes_gzip(headers):
            self._answer("200 OK", self.server.compressed(), encoding="Content-Encoding: gzip\r\n")
        else:
            self._answer_plain(self.server.compressed())

    def _read_head(self) -> bytes:
        """Read up to the empty line that ends the headers, so that closing resets no connection."""
        read = b""
        while b"\r\n\r\n" not in read and b"\n\n" not in read and len(read) < MAX_REQUEST:
            more = self.request.recv(4096)
            if not more:
                break
            read += more
        return read

    def _answer(self, status: str, body: bytes, encoding: str = "") -> None:
        self._head(status, len(body), encoding)
        self.request.sendall(body)

    def _answer_plain(self, packed: bytes) -> None:
        """Unpack it piece by piece: the whole text of 200 guests took 7 MB meanwhile.

        A gzip of one member ends with its size (RFC 1952), modulo 4 GiB.
        """
        self._head("200 OK", int.from_bytes(packed[-4:], "little"))
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not unpacker.eof:
            piece = unpacker.decompress(packed, PIECE)
            if not piece and not unpacker.unconsumed_tail and not unpacker.eof:
                raise ValueError("the text is cut off")
            self.request.sendall(piece)
            packed = unpacker.unconsumed_tail

    def _head(self, status: str, length: int, encoding: str = "") -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\n{encoding}"
            f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        self.request.sendall(head.encode())


def _takes_gzip(headers: bytes) -> bool:
    lines = (line.partition(b":") for line in headers.lower().splitlines())
    return any(name.strip() == b"accept-encoding" and b"gzip" in value for name, _, value in lines)
