"""One request, and what its failure means: try again, when, and may it have been taken already."""

from __future__ import annotations

import json
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from argus.notify.base import NotifyError
from argus.notify.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import PoolManager

TIMEOUT = (5.0, 15.0)  # seconds to connect, and between two reads
TOTAL = 20.0  # seconds for the whole of a request, whatever a server does byte by byte
LONGEST_WAIT = 3600.0  # a server that says "in a week" is asked in an hour
SHOWN = 200  # characters of an answer in an error
LONGEST_ANSWER = 8 << 20  # bytes
TOO_MANY = 429
AUTH = {401, 403}


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    where: str,
    timeout: tuple[float, float] = TIMEOUT,
    total: float = TOTAL,
) -> None:
    """Send ``body``; return when the server answered 2xx, else raise ``NotifyError``.

    ``where`` names receiver and option for people; the URL itself may be a secret and is never shown.
    Answers 429 and 5xx, and a login that is refused, are tried again: the message must not be lost because a
    key was mistyped.  Any other answer will not get better by itself.  ``timeout`` is in seconds, to connect
    and between two reads; after ``total`` seconds the connection is shut.
    """
    _ask("POST", url, headers, where, timeout, total, body, wants=False)


def get(
    url: str,
    headers: Mapping[str, str],
    where: str,
    timeout: tuple[float, float] = TIMEOUT,
    total: float = TOTAL,
) -> Any:
    """Return the JSON of an answer; raise ``NotifyError`` as ``post`` does."""
    answer = _ask("GET", url, headers, where, timeout, total, wants=True)
    try:
        return json.loads(answer)
    except ValueError:
        raise NotifyError(f"{where}: {host(url)} answers no JSON") from None


def ping(url: str, where: str, timeout: tuple[float, float]) -> None:
    """Ask for an URL of which only a good answer matters; raise ``NotifyError`` as ``post`` does."""
    _ask("GET", url, {}, where, timeout, sum(timeout), wants=False)


def _ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    where: str,
    timeout: tuple[float, float],
    total: float,
    body: bytes | None = None,
    *,
    wants: bool,
) -> bytes:
    """Return the body of a good answer, if somebody ``wants`` it: most often, that it is good is all."""
    watch = _Watch(total)
    with watch.deadline, requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(watch))
        try:
            # a redirect is not followed: it would become a GET
            answer = session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            )
        except (requests.RequestException, HTTPError, OSError) as exc:
            raise _broken(exc, watch, where, host(url)) from None
        with closing(answer):
            good = answer.status_code // 100 == 2
            if good and not wants:
                return b""
            try:
                said = _read(answer, LONGEST_ANSWER if good else 4 * SHOWN)
            except (requests.RequestException, HTTPError, OSError) as exc:
                if good:
                    raise _broken(exc, watch, where, host(url)) from None
                said = b""  # the status says enough
    if good:
        return said
    raise _refused(answer, said, where, host(url))


def _read(answer: requests.Response, most: int) -> bytes:
    said = b""
    for part in answer.iter_content(1 << 14):
        said += part
        if len(said) >= most:
            break
    return said[:most]


def _broken(exc: Exception, watch: _Watch, where: str, server: str) -> NotifyError:
    """Say what became of a request that got no whole answer."""
    if not watch.connected:
        why = "no connection in time" if watch.deadline.over else _why(exc)
        return NotifyError(f"{where}: cannot connect to {server}: {why}", server=True)
    if watch.deadline.over:
        return NotifyError(
            f"{where}: {server} does not answer within {watch.deadline.seconds:g} s", maybe_sent=True
        )
    if isinstance(exc, requests.Timeout):
        return NotifyError(f"{where}: {server} does not answer in time", maybe_sent=True)
    return NotifyError(f"{where}: {server} broke off ({type(exc).__name__})", maybe_sent=True)


def _why(exc: Exception) -> str:
    """Return what the system said, never the URL that the text of the exception repeats."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        reason = getattr(cause, "reason", None)
        cause = reason if isinstance(reason, BaseException) else cause.__cause__ or cause.__context__
    return type(exc).__name__


def _refused(answer: requests.Response, said: bytes, where: str, server: str) -> NotifyError:
    code = answer.status_code
    text = " ".join(said.decode(answer.encoding or "utf-8", "replace").split())[:SHOWN]
    says = f"{where}: {server} answers {code}: {text}"
    if code in AUTH:
        return NotifyError(f"{says}: is the key or token right?", code=code)
    if code == TOO_MANY or code >= 500:
        return NotifyError(says, maybe_sent=code != TOO_MANY, retry_after=_retry_after(answer), code=code)
    return NotifyError(says, permanent=True, code=code)


class _Watch:
    """How far a request came, and when it must be over."""

    def __init__(self, seconds: float) -> None:
        self.deadline = Deadline(seconds)
        self.connected = False

    def made(self, pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        """Return a pool whose connections are watched."""
        watch = self

        class Connection(pool.ConnectionCls):  # type: ignore[name-defined,misc]  # a class by name of another
            def connect(self) -> None:
                watch.deadline.watch(self)
                super().connect()
                _ = watch.deadline.left  # it may have passed before there was a socket to shut
                watch.connected = True

        return type("Watched", (pool,), {"ConnectionCls": Connection})


class _Adapter(HTTPAdapter):
    """Makes watched connections, through a proxy too."""

    def __init__(self, watch: _Watch) -> None:
        self._pools = {"http": watch.made(HTTPConnectionPool), "https": watch.made(HTTPSConnectionPool)}
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See ``HTTPAdapter``."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """See ``HTTPAdapter``."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # whose pools make connections of another kind
            manager.pool_classes_by_scheme = self._pools
        return manager


def host(url: str) -> str:
    """Return host and port of an URL: its path may hold a token."""
    return urlsplit(url).netloc.rpartition("@")[2] or "?"


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the server asks to wait (RFC 9110 10.2.3: a number, or a date)."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text) if text.isdigit() else _until(text, answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


def _until(date: str, sent: str) -> float:
    """Seconds between two dates of the server's own clock."""
    return (parsedate_to_datetime(date) - parsedate_to_datetime(sent)).total_seconds()
