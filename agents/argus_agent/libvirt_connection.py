"""A read-only connection to libvirtd: opened when needed, closed when it fails, used by one thread only."""

from __future__ import annotations

import functools
import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import libvirt

from argus_agent.guests import Guest
from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.threads import Lasting

log = logging.getLogger(__name__)

KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 5, 3
_OF_ONE_DOMAIN = frozenset(
    (
        libvirt.VIR_ERR_NO_DOMAIN,
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_OPERATION_INVALID,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
        libvirt.VIR_ERR_OPERATION_TIMEOUT,
    )
)
"""Errors that say nothing against the connection."""


@functools.cache
def start_event_loop() -> Lasting:
    """Run libvirt's own event loop, which keepalive and events need: one for the process, it never ends.

    Returns its thread, which is begun again when the loop fails.
    """
    libvirt.registerErrorHandler(_silent, None)  # it would print every error to stderr

    def loop() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    libvirt.virEventRegisterDefaultImpl()
    thread = THREADS.make("libvirt-events", loop)
    thread.start()
    return thread


def _silent(_context: object, _error: object) -> None:
    """Errors are raised as well; the handler's copy says nothing new."""


class Connection:
    """One connection; ``seconds`` is shared by all and gets how long the last call of each kind took."""

    def __init__(self, uri: str, seconds: dict[str, float]) -> None:
        self._uri = uri
        self._seconds = seconds
        self._conn: Any = None
        self.versions = ("", "")
        """Of libvirt and of the hypervisor, once it was open."""

    @contextmanager
    def call(self, kind: str) -> Iterator[Any]:
        """Lend the connection for one call; one without a ``kind`` is not timed.

        Raises ``libvirt.libvirtError``; the connection is closed then, unless only the domain was wrong.
        """
        conn = self._open()
        begun = time.monotonic()
        try:
            yield conn
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _OF_ONE_DOMAIN:
                self.close()
            raise
        if kind:
            self._seconds[kind] = time.monotonic() - begun

    def took(self, kind: str) -> float:
        """Seconds that the last call of this kind took."""
        return self._seconds[kind]

    def close(self) -> None:
        """Close it; the next call opens another."""
        conn, self._conn = self._conn, None
        if conn is None:
            return
        try:
            conn.close()
        except libvirt.libvirtError as error:
            log.debug("closing %s: %s", self._uri, error)

    def _open(self) -> Any:
        if self._conn is None:
            conn = libvirt.openReadOnly(self._uri)
            try:
                conn.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_COUNT)
            except libvirt.libvirtError as error:
                log.debug("no keepalive on %s: %s", self._uri, error)  # drivers without a daemon have none
            self.versions = (_dotted(conn.getLibVersion()), hypervisor_of(conn))
            self._conn = conn
        return self._conn


def hypervisor_of(conn: Any) -> str:
    """Return name and version of the hypervisor that new guests get.  Raises ``libvirt.libvirtError``."""
    return f"{conn.getType()} {_dotted(conn.getVersion())}"


def guests_of(records: Any, at: float | None = None) -> tuple[Guest, ...]:
    """Turn what virConnectGetAllDomainStats returned ``at`` that time into plain values.

    The binding makes each key anew for each domain; all share one text of it here, and ``records`` is emptied
    on the way, so that a full node's are not in memory twice.
    """
    records.reverse()
    guests = []
    while records:
        domain, stats = records.pop()
        # One text of each UUID for all: what is the same object is compared at once.
        uuid = sys.intern(domain.UUIDString())
        guests.append(Guest(uuid, domain.name(), domain.ID(), _shared(stats), read_at=at))
    return tuple(guests)


def _shared(stats: dict[str, float | str]) -> dict[str, float | str]:
    return dict(zip(map(sys.intern, stats), stats.values(), strict=True))


def _dotted(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
