"""A moment by which a conversation with a server is over, however it drags on.

Timeouts of sockets count for each read: a server that sends a byte every two seconds is never late by them.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType


class Connection(Protocol):
    """What holds a socket, or ``None`` before and after, as the clients of ``http`` and ``smtplib`` do."""

    sock: socket.socket | None


class Deadline:
    """So many ``seconds`` from its making; used as a context, it shuts what it watches when they are over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._end = time.monotonic() + seconds
        self._watched: list[Connection] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True  # a process that ends need not wait for it

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: object, trace: TracebackType | None) -> None:
        self._timer.cancel()

    @property
    def left(self) -> float:
        """Seconds that are left.  Raises ``TimeoutError`` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0 or self.over:
            raise TimeoutError(f"timed out: not done within {self.seconds:g} s")
        return left

    def watch(self, connection: Connection) -> None:
        """Shut this one too; a read or write that waits on it then ends with an error."""
        self._watched.append(connection)

    def _cut(self) -> None:
        self.over = True
        for connection in self._watched:
            sock = connection.sock
            if sock is None:  # still connecting, which asks ``left`` afterwards
                continue
            try:
                # not SSLSocket's own, which takes the session from under the thread that reads
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:  # the other side was faster
                continue


def connected(host: str, port: int, deadline: Deadline, step: float) -> socket.socket:
    """Connect to the first address that answers, each within ``step`` seconds and all within the deadline.

    Raises ``OSError``.
    """
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        wait = min(step, deadline.left)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(wait)
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failure = exc
            continue
        return sock
    raise failure
