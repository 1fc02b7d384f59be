"""Delivers the spool to Zabbix in a thread of its own: a Zabbix that hangs never delays measuring."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING

from argus_agent.cycle import Delivery
from argus_agent.registrar import Registrar
from argus_agent.threads import THREADS
from argus_agent.zabbix_protocol import Value, ZabbixError, parse_taken, sender_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus_agent.registration import Registrations
    from argus_agent.servers import Servers
    from argus_agent.spool import Spool

log = logging.getLogger(__name__)

BATCH = 100
STEP_SECONDS = 1.0
MAX_PAUSE = 15.0
MAX_FAILING = 10  # the pause grows no further
REFUSED_KEEP_SECONDS = 600
"""Refused values are given up after this; while Zabbix is away they are kept as long as there is room."""

Numbered = tuple[int, Value]


class Courier:
    """Sends what waits, oldest first, of hosts that Zabbix was told of."""

    def __init__(
        self,
        servers: Servers,
        spool: Spool,
        registrations: Registrations,
        clock: Callable[[], float],
        registrar: Registrar | None = None,
    ) -> None:
        """``registrar`` registers beside it, with more patience than values have; by default the same way."""
        self._servers = servers
        self._spool = spool
        self._registrations = registrations
        self._clock = clock
        self._registrar = registrar or Registrar(servers, registrations)
        self._sent = self._refused = self._errors = self._given_up = 0
        self._unproven: dict[str, list[int]] = {}  # taken once, to be sent again: numbers by host
        self._apart: set[int] = set()  # all of them
        self._failing = 0  # steps in a row without an answer
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = THREADS.make("zabbix", self._run)

    def start(self) -> None:
        """Begin registering and delivering."""
        self._registrar.start()
        self._thread.start()

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Try once more to deliver, for at most ``timeout`` seconds, and end."""
        self._registrar.stop()
        self._stop.set()
        self._wake.set()
        self._thread.thread.join(timeout)
        if len(self._spool):
            log.warning("stopping with %d documents that Zabbix has not taken", len(self._spool))

    def status(self) -> Delivery:
        """Return how it fares."""
        dropped = self._spool.dropped + self._given_up
        waiting = max(0, len(self._spool) - len(self._apart))
        errors = self._errors + self._registrar.errors
        return Delivery(waiting, dropped, self._sent, self._refused, errors)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._failing:  # new values come every cycle; while Zabbix is away they are no reason to hurry
                self._stop.wait(min(MAX_PAUSE, 2.0 ** (self._failing - 1)))
            else:
                self._wake.wait(STEP_SECONDS)
                self._wake.clear()
            self._deliver()

    def step(self) -> None:
        """Register and deliver what can be now; for who starts no threads.  Never raises ``ZabbixError``."""
        self._registrar.step()
        self._deliver()

    def _deliver(self) -> None:
        try:
            self._drain()
        except ZabbixError as error:
            self._errors += 1
            self._failing = min(self._failing + 1, MAX_FAILING)
            if self._failing == 1:
                log.error("Zabbix does not answer, values are kept: %s", error)  # noqa: TRY400 -- no bug
        else:
            if self._failing:
                log.info("Zabbix answers again")
            self._failing = 0

    def _drain(self) -> None:
        self._send_again()
        while batch := self._spool.oldest(BATCH, self._registrations.held(), self._apart):
            self._send(batch)
            if self._stop.is_set():
                break

    def _send_again(self) -> None:
        """Let what was taken soon after an arrival be sent once more, in order, before what is newer."""
        for host in list(self._unproven):
            unproven = self._registrations.unproven(host)
            if unproven:
                continue
            numbers = self._unproven.pop(host)
            self._apart.difference_update(numbers)
            if unproven is None:  # it left: the next node answers for it
                self._spool.remove(numbers)

    def _send(self, batch: list[Numbered]) -> None:
        taken = self._ask(batch)
        if taken:
            return
        # The answer does not say which values failed: ask once for each host.
        parts = [part for _, part in _by_host(batch)]
        for part in parts:
            if len(parts) == 1 or not self._ask(part):
                self._keep_or_drop(part)

    def _ask(self, batch: list[Numbered]) -> bool:
        """Send values; return whether all were taken.  Raises ``ZabbixError``."""
        request = sender_data([value for _, value in batch], self._clock())
        reply = self._servers.ask(request)
        try:
            failed = parse_taken(reply).failed
        except ValueError as error:
            raise ZabbixError(str(error)) from error
        if failed:
            return False
        self._sent += len(batch)
        for host, part in _by_host(batch):
            self._registrations.taken(host)
            numbers = [number for number, _ in part]
            if self._registrations.unproven(host):
                self._unproven.setdefault(host, []).extend(numbers)
                self._apart.update(numbers)
            else:
                self._spool.remove(numbers)
        return True

    def _keep_or_drop(self, part: list[Numbered]) -> None:
        host = part[0][1].host
        self._refused += len(part)
        refused_for = self._registrations.refused(host)
        # A backlog is old because Zabbix was away, which says nothing against it: both must be old.
        too_long = refused_for is None or refused_for >= REFUSED_KEEP_SECONDS
        newest = self._clock() - (0 if refused_for is None else REFUSED_KEEP_SECONDS)
        gone = [number for number, value in part if too_long and value.clock <= newest]
        self._given_up += len(gone)
        self._spool.remove(gone)
        log.debug("%s: %d documents refused, %d of them given up", host, len(part), len(gone))


def _by_host(batch: list[Numbered]) -> list[tuple[str, list[Numbered]]]:
    """The batch by host, each host's values in their order."""
    hosts = itertools.groupby(sorted(batch, key=lambda n: n[1].host), key=lambda n: n[1].host)
    return [(host, list(part)) for host, part in hosts]
