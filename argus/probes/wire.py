"""Connections with an end: every probe gets a deadline, and no answer may take longer or be larger."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from argus.probes.outcome import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from _typeshed import Incomplete

MOST_BYTES = 64 << 20  # 500 hypervisors in detail are less than 1 MB
CHUNK = 64 << 10
MOST_SAID = 1000  # characters of a body that are looked at for a message
TAG = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL | re.IGNORECASE)
ERRNO = re.compile(r"^\[Errno -?\d+\] ")
SCHEMES = ("http://", "https://")


class ProbeError(Exception):
    """The service does not work as seen from here; the message is what its user would see."""


class BlindError(Exception):
    """The probe itself cannot say: a password that cannot be read, an answer that nobody understands."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock after which nothing is waited for."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    start: float = field(init=False)

    def __post_init__(self) -> None:
        """Start to count."""
        object.__setattr__(self, "start", self.clock())

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.start

    def left(self) -> float:
        """Return the seconds left.  Raises ``ProbeError`` when there are none."""
        left = self.seconds - self.elapsed
        if left <= 0:
            raise ProbeError(f"no answer within {self.seconds:g} s")
        return left


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; ``seconds`` is how long it took with its body."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    @property
    def says(self) -> str:
        """The status and what the body says to a person, on one line: without the tags of a page."""
        text = self.text[:MOST_SAID]
        return one_line(f"{self.status}: {TAG.sub(' ', text) if text.lstrip().startswith('<') else text}")

    def json(self) -> Any:
        """Return the body as JSON.  Raises ``BlindError``."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise BlindError(f"the answer is no JSON: {one_line(self.text[:120])}") from None


@dataclass(frozen=True, slots=True)
class Web:
    """How an HTTP server is asked: with which login, and by whom its certificate must be signed."""

    auth: tuple[str, str] | None = None
    verify: bool | str = True
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, url: str, deadline: Deadline, *, redirects: bool = True) -> Answer:
        """Return whatever the server answers.  Raises ``ProbeError`` when it gives no answer in time."""
        left = deadline.left()
        begin = deadline.elapsed
        try:
            with requests.get(
                url,
                auth=self.auth,
                verify=self.verify,
                headers={"Connection": "close", **self.headers},
                timeout=left,
                stream=True,
                allow_redirects=redirects,
            ) as answer:
                # read1 returns what is there; iter_content waits for a whole chunk, however slowly it comes
                chunks = iter(lambda: answer.raw.read1(CHUNK, decode_content=True), b"")
                body = read_all(chunks, deadline)
        except requests.exceptions.SSLError as exc:
            raise ProbeError(f"TLS: {reason(exc)}") from None
        except requests.exceptions.Timeout:
            raise ProbeError(f"no answer within {deadline.seconds:g} s") from None
        except urllib3.exceptions.ReadTimeoutError:
            raise ProbeError(f"no answer within {deadline.seconds:g} s") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as exc:
            raise ProbeError(reason(exc)) from None
        return Answer(answer.status_code, body, answer.headers, deadline.elapsed - begin)

    def ok(self, url: str, deadline: Deadline) -> Answer:
        """Return an answer of status 2xx.  Raises ``ProbeError``, or ``DeniedError`` for 401 and 403."""
        answer = self.get(url, deadline)
        if answer.status in {401, 403}:
            raise DeniedError(f"{answer.status} from {url}: the login of the probe is refused")
        if answer.status // 100 != 2:
            raise ProbeError(f"{answer.says} (from {url})")
        return answer


class DeniedError(Exception):
    """The service answers and refuses the probe."""


def read_all(chunks: Iterator[bytes], deadline: Deadline) -> bytes:
    """Read a body to its end.  Raises ``ProbeError`` when it is too late or too large."""
    found = bytearray()
    for chunk in chunks:
        found += chunk
        deadline.left()  # a server that sends a byte a second never runs into a socket's timeout
        if len(found) > MOST_BYTES:
            raise ProbeError(f"the answer is larger than {MOST_BYTES >> 20} MiB")
    return bytes(found)


def connect(host: str, port: int, deadline: Deadline) -> AbstractContextManager[socket.socket]:
    """Connect by TCP.  Raises ``ProbeError``."""
    try:
        return socket.create_connection((host, port), deadline.left())
    except OSError as exc:
        raise ProbeError(f"{host}:{port}: {reason(exc)}") from None


def lines(connection: socket.socket, deadline: Deadline) -> Iterator[str]:
    """Yield the lines that come in, until the peer closes.  Raises ``ProbeError``."""
    buffer = bytearray()
    while True:
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[:end]).decode(errors="replace").rstrip("\r")
            del buffer[: end + 1]
        try:
            connection.settimeout(deadline.left())
            chunk = connection.recv(CHUNK)
        except OSError as exc:
            raise ProbeError(reason(exc)) from None
        if not chunk:
            return
        buffer += chunk
        if len(buffer) > MOST_BYTES:
            raise ProbeError("an endless line")


def reason(exc: BaseException | Incomplete) -> str:
    """Say in a few words why a connection failed, without the URL (it may hold a password)."""
    seen: BaseException | None = exc
    words = ""
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, requests.RequestException):
            return str(seen.strerror)
        inner = getattr(seen, "reason", None) or next(
            (arg for arg in seen.args if isinstance(arg, BaseException)), None
        )
        words = str(seen) if not isinstance(inner, BaseException) else words
        seen = inner if isinstance(inner, BaseException) else None
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    return one_line(ERRNO.sub("", words.rpartition(": ")[2]) or type(exc).__name__)
