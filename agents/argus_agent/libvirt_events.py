"""libvirt's events: counted as they come, and a reason to look at the guest at once.

Callbacks run in the thread of libvirt's event loop and only note what happened.  Whatever ends the
connection (a restarted or hung libvirtd) is noticed by its close callback, and everything is registered
anew.  https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventID
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import libvirt

from argus_agent.guests import Events
from argus_agent.libvirt_connection import Connection
from argus_agent.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from argus_agent.threads import Lasting

log = logging.getLogger(__name__)

RETRY_SECONDS = 20.0
MAX_GUESTS = 5000
"""Guests with events between two cycles; those of further ones are counted as lost."""

LIFECYCLE = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: "started",
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: "suspended",
    libvirt.VIR_DOMAIN_EVENT_RESUMED: "resumed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED: "stopped",
    libvirt.VIR_DOMAIN_EVENT_CRASHED: "panicked",
}
_STOPPED_BY_ITSELF = (libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED)
KINDS = {
    "REBOOT": "reboots",
    "IO_ERROR_REASON": "io_errors",
    "WATCHDOG": "watchdogs",
    "AGENT_LIFECYCLE": "agent_changes",
    "BLOCK_JOB_2": "block_jobs",
    "MEMORY_FAILURE": "memory_failures",
    "JOB_COMPLETED": "jobs",
    "TUNABLE": "",  # nobody counts these: they only say that the definition changed
    "DEVICE_ADDED": "",
    "DEVICE_REMOVED": "",
}
_FAILURES = frozenset({"crashed", "panicked", "io_errors", "watchdogs"})
_REDEFINED = ("TUNABLE", "DEVICE_ADDED", "DEVICE_REMOVED", "AGENT_LIFECYCLE")


class EventListener:
    """Listens on a connection of its own.  ``wake`` is called, from another thread, for each event."""

    def __init__(
        self,
        uri: str,
        seconds: dict[str, float],
        monotonic: Callable[[], float],
        loop: Lasting | None = None,
    ) -> None:
        """``loop`` is the thread of libvirt's event loop: while it is down nobody listens."""
        self._loop = loop
        self._connection = Connection(uri, seconds)
        self._worker = Worker("libvirt-register")
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._lock = threading.Lock()
        self._listening = False
        self._counts: dict[str, Counter[str]] = {}
        self._jobs: dict[str, Mapping[str, Any]] = {}
        self._touched: set[str] = set()
        self._failed = False
        self._redefined: set[str] = set()
        self._received = self._lost = 0
        self.wake: Callable[[], None] = _nobody

    def ensure(self) -> None:
        """Register, unless that is done or under way; never waits."""
        if not self._listening and not self._worker.busy and self._monotonic() >= self._retry_at:
            self._retry_at = self._monotonic() + RETRY_SECONDS
            self._worker.start(self._register)

    def events(self, known: Collection[str] | None) -> Events | None:
        """Return what was counted, forgetting guests not known; ``None`` before the first registration."""
        with self._lock:
            if not self._listening and not self._received:
                return None
            if known is not None:
                self._counts = {uuid: count for uuid, count in self._counts.items() if uuid in known}
                self._jobs = {uuid: job for uuid, job in self._jobs.items() if uuid in known}
            counts = {uuid: dict(count) for uuid, count in self._counts.items()}
            listening = self._listening and not (self._loop and self._loop.is_down)
            return Events(listening, counts, dict(self._jobs), self._received, self._lost)

    def take_touched(self) -> frozenset[str]:
        """Return the guests that had events since the last time."""
        with self._lock:
            touched, self._touched = self._touched, set()
        return frozenset(touched)

    @property
    def guest_failed(self) -> bool:
        """Whether a guest failed since that was taken."""
        return self._failed

    def take_failed(self) -> bool:
        """Tell whether a guest failed since the last time."""
        with self._lock:
            failed, self._failed = self._failed, False
        return failed

    def take_redefined(self) -> frozenset[str]:
        """Return the guests whose definition changed since the last time."""
        with self._lock:
            redefined, self._redefined = self._redefined, set()
        return frozenset(redefined)

    def _register(self) -> None:
        self._connection.close()  # what was registered on an old one ends with it
        try:
            with self._connection.call("events") as conn:
                conn.domainEventRegisterAny(
                    None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle, None
                )
                for name in KINDS:
                    self._register_one(conn, name)
                conn.registerCloseCallback(self._closed, None)
        except libvirt.libvirtError as error:
            log.debug("no events of libvirt yet: %s", error)
            return
        with self._lock:
            self._listening = True
        self.wake()  # that somebody listens again is news, and what happened before is not known

    def _register_one(self, conn: Any, name: str) -> None:
        number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}", None)
        if number is None:  # this libvirt is older than the event
            return
        try:
            conn.domainEventRegisterAny(None, number, functools.partial(self._other, name), None)
        except libvirt.libvirtError as error:
            log.debug("no %s events: %s", name, error)

    def _closed(self, _conn: object, reason: int, _opaque: object) -> None:
        log.info("libvirt's events: connection lost (%d), registering again", reason)
        with self._lock:
            self._listening = False
            self._retry_at = 0.0
        self.wake()

    def _lifecycle(self, _conn: object, domain: Any, event: int, detail: int, _opaque: object) -> None:
        kinds = [LIFECYCLE[event]] if event in LIFECYCLE else []
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED and detail in _STOPPED_BY_ITSELF:
            kinds.append("crashed")
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED and detail == libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
            kinds.append("migrated")
        self._note(domain.UUIDString(), kinds, redefined=event == libvirt.VIR_DOMAIN_EVENT_DEFINED)

    def _other(self, name: str, _conn: object, domain: Any, *details: Any) -> None:
        uuid = domain.UUIDString()
        if name == "JOB_COMPLETED" and details and isinstance(details[0], dict):
            with self._lock:
                if len(self._jobs) < MAX_GUESTS:
                    self._jobs[uuid] = dict(details[0])
        self._note(uuid, [KINDS[name]] if KINDS[name] else [], redefined=name in _REDEFINED)

    def _note(self, uuid: str, kinds: list[str], *, redefined: bool) -> None:
        fails = not _FAILURES.isdisjoint(kinds)
        with self._lock:
            self._received += 1
            is_news = not self._touched or (fails and not self._failed)
            self._failed = self._failed or fails
            if redefined and len(self._redefined) < MAX_GUESTS:
                self._redefined.add(uuid)
            if uuid not in self._counts and len(self._counts) >= MAX_GUESTS:
                self._lost += 1
                return
            self._counts.setdefault(uuid, Counter()).update(kinds)
            self._touched.add(uuid)
        if is_news:  # else somebody is awake, and has not looked yet
            self.wake()


def _nobody() -> None:
    """Nobody waits for events: `argus-agent once`, tests."""
