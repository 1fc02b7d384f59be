"""One region of one cloud of ``clouds.yaml``: authenticated GETs with a deadline, and every failure by name.

keystoneauth keeps the token, reads the catalogue and discovers versions; openstacksdk reads clouds.yaml.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from keystoneauth1 import adapter, discover
from keystoneauth1 import exceptions as ks

from argus.errors import ArgusError
from argus.openstack.answer import Answer, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keystoneauth1.session import Session

CHUNK = 1 << 16
MAX_BYTES = 256 << 20  # of one answer; 10,000 servers in detail take about 30 MiB
MAX_PAGES = 2000
# From 2.88 on nova-api asks every compute for its uptime: while one is dying the list blocks for 61 s and
# then fails with 500 (measured on 2025.1; nova/api/openstack/compute/hypervisors.py).
HYPERVISORS_NEWEST = (2, 87)

# The catalogue may name these with or without a version: discovery adds what is missing.
VERSIONS = {
    "compute": 2,
    "identity": 3,
    "network": 2,
    "image": 2,
    "block-storage": 3,
}
FAULTS = (ks.ClientException, requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError)
BY_STATUS = {
    401: Why.NOT_AUTHENTICATED,
    403: Why.NOT_PERMITTED,
    404: Why.NOT_FOUND,
    406: Why.UNSUPPORTED,
}
WORDS = {
    Why.NOT_PERMITTED: "not permitted (403): the role of this user may not read it",
    Why.NOT_AUTHENTICATED: "not authenticated (401): Keystone or the service refuses the credentials",
    Why.NOT_FOUND: "not found (404)",
    Why.UNSUPPORTED: "the service does not speak this microversion (406)",
}


class CloudConfigError(ArgusError):
    """clouds.yaml or the name of a cloud cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A region of a cloud.  Safe to share between threads; ``timeout`` is in seconds for a whole call."""

    name: str
    region: str
    interface: str
    session: Session
    timeout: float

    @property
    def label(self) -> str:
        """Name it for people: ``cloud`` or ``cloud/region``."""
        return f"{self.name}/{self.region}" if self.region else self.name

    def get(
        self,
        service: str,
        path: str,
        microversion: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Return the decoded answer of ``GET path`` at ``service``, or the named reason for none.

        ``service`` is an official service type (``compute``, ``placement``, ``block-storage``, ...), ``path``
        is below the versioned endpoint: ``/os-services``, not ``/v2.1/os-services``.  Never raises for what
        a cloud does; ``ValueError`` for a microversion of ``/os-hypervisors`` that blocks.
        """
        _refuse_blocking(path, microversion)
        started = time.monotonic()
        deadline = started + (self.timeout if timeout is None else timeout)
        value, why, detail = None, None, ""
        try:
            value = self._read(service, path, microversion, deadline)
        except _NoValueError as exc:
            why, detail = exc.why, exc.detail
        except (
            ks.ClientException,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            TimeoutError,
        ) as exc:
            why, detail = _named(exc)
        return Answer(service, path, value, why, detail, time.monotonic() - started)

    def pages(
        self,
        service: str,
        path: str,
        key: str,
        microversion: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Return the whole list ``key``, following ``next`` links; ``timeout`` is for each page.

        Complete, or no value at all: a list with a hole would look like things that have gone.
        """
        rows: list[Any] = []
        seconds, where = 0.0, path
        for _ in range(MAX_PAGES):
            page = self.get(service, where, microversion, timeout)
            seconds += page.seconds
            if not page.ok:
                detail = f"{page.detail} (after {len(rows)} rows)" if rows else page.detail
                return Answer(service, path, None, page.why, detail, seconds)
            found = page.value.get(key) if isinstance(page.value, dict) else None
            if not isinstance(found, list):
                detail = f"the answer has no list {key!r}"
                return Answer(service, path, None, Why.BROKEN, detail, seconds)
            rows.extend(found)
            following = _next(page.value, key, path)
            if not following or not found:
                return Answer(service, path, rows, seconds=seconds)
            where = following
        return Answer(service, path, None, Why.BROKEN, f"more than {MAX_PAGES} pages", seconds)

    def _read(self, service: str, path: str, microversion: str | None, deadline: float) -> Any:
        newest = VERSIONS.get(service)
        client = adapter.Adapter(
            self.session,
            service_type=service,
            interface=self.interface,
            region_name=self.region or None,
            min_version=f"{newest}.0" if newest else None,
            max_version=f"{newest}.latest" if newest else None,
        )
        response = client.get(
            path,
            microversion=microversion,
            headers={"Accept": "application/json"},
            timeout=max(0.01, deadline - time.monotonic()),
            raise_exc=False,
            connect_retries=0,
            stream=True,
            log=False,
        )
        try:
            body = b"".join(_chunks(response, deadline))
        finally:
            response.close()
        if response.status_code >= 400:
            raise _refusal(response.status_code, body)
        try:
            return json.loads(body)
        except ValueError as exc:
            raise _NoValueError(Why.BROKEN, f"the answer is not JSON ({len(body)} bytes)") from exc


class _NoValueError(Exception):
    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why, self.detail = why, detail


def _chunks(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """Read the body; a server that drips a byte a second must not outlast the deadline."""
    size = 0
    # read1 returns what is there; iter_content would wait until a whole chunk has come
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        size += len(chunk)
        if size > MAX_BYTES:
            raise _NoValueError(Why.BROKEN, f"the answer is larger than {MAX_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise TimeoutError
        yield chunk


def _refusal(status: int, body: bytes) -> _NoValueError:
    why = BY_STATUS.get(status, Why.FAILED if status >= 500 else Why.REFUSED)
    words = WORDS.get(why, f"the service answered {status}")
    said = _message(body)
    return _NoValueError(why, f"{words}: {said}" if said else words)


def _message(body: bytes) -> str:
    """Return what the service said, of the shapes that OpenStack services use: one line, bounded."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if isinstance(said, dict) and isinstance(said.get("errors"), list) and said["errors"]:
        said = said["errors"][0]
    elif isinstance(said, dict) and len(said) == 1:
        said = next(iter(said.values()))
    if not isinstance(said, dict):
        return ""
    text = said.get("message") or said.get("detail") or said.get("title") or ""
    return " ".join(str(text).split())[:200]


class _Naming(NamedTuple):
    kind: type[Exception]
    why: Why
    words: str


_EXCEPTIONS = (
    _Naming(ks.EndpointNotFound, Why.NO_ENDPOINT, "the catalogue has no such service in this region"),
    _Naming(ks.EmptyCatalog, Why.NO_ENDPOINT, "the catalogue is empty"),
    _Naming(ks.ConnectTimeout, Why.LATE, "no answer in time"),
    _Naming(ks.RequestTimeout, Why.LATE, "no answer in time"),
    _Naming(TimeoutError, Why.LATE, "no complete answer in time"),
    _Naming(requests.Timeout, Why.LATE, "no complete answer in time"),
    _Naming(ks.SSLError, Why.UNREACHABLE, "TLS failed: is the certificate of clouds.yaml's cacert?"),
    _Naming(ks.ConnectionError, Why.UNREACHABLE, "nothing answers there"),
    _Naming(ks.DiscoveryFailure, Why.UNREACHABLE, "its versions cannot be read"),
    _Naming(ks.Unauthorized, Why.NOT_AUTHENTICATED, "Keystone refuses the credentials"),
    _Naming(ks.AuthorizationFailure, Why.NOT_AUTHENTICATED, "Keystone gives no token"),
    _Naming(ks.Forbidden, Why.NOT_PERMITTED, "not permitted (403)"),
    _Naming(ks.HttpServerError, Why.FAILED, "Keystone failed"),
    _Naming(urllib3.exceptions.ReadTimeoutError, Why.LATE, "no complete answer in time"),
    _Naming(urllib3.exceptions.DecodeError, Why.BROKEN, "the answer cannot be unpacked"),
    _Naming(urllib3.exceptions.HTTPError, Why.BROKEN, "the answer was cut off"),
)


def _named(exc: Exception) -> tuple[Why, str]:
    """Name what went wrong in our words: the exceptions' own may hold tokens and addresses."""
    for kind, why, words in _EXCEPTIONS:
        if isinstance(exc, kind):
            return why, words
    return Why.FAILED, f"the call failed ({type(exc).__name__})"


def _next(document: dict[str, Any], key: str, path: str) -> str:
    """Return the path of the next page (``KEY_links`` of Nova and Cinder; ``next`` of Glance, Keystone)."""
    links = document.get(f"{key}_links") or []
    href = next((link.get("href", "") for link in links if link.get("rel") == "next"), "")
    href = href or document.get("next") or ""
    if not href:
        links = document.get("links")
        href = (links.get("next") or "") if isinstance(links, dict) else ""
    query = urlsplit(href).query
    return f"{path.partition('?')[0]}?{query}" if query else ""


def _refuse_blocking(path: str, microversion: str | None) -> None:
    if not path.startswith("/os-hypervisors"):
        return
    version = discover.normalize_version_number(microversion) if microversion else (2, 1)
    if discover.LATEST in version or tuple(version) > HYPERVISORS_NEWEST:
        raise ValueError("/os-hypervisors above 2.87 blocks while a compute dies; ask for 2.87")
