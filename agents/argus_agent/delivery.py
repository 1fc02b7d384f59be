"""Delivers the spool to Zabbix in a thread of its own: a Zabbix that hangs never delays measuring."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any

from argus_agent.cycle import Delivery
from argus_agent.zabbix_protocol import Value, ZabbixError, active_checks, exchange, parse_taken, sender_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from argus_agent.registration import Registrations
    from argus_agent.settings import Address
    from argus_agent.spool import Spool
    from argus_agent.tls import Secure

log = logging.getLogger(__name__)

BATCH = 100
REGISTRATIONS_PER_STEP = 16  # what a Zabbix 6.0 on two cores was seen to make hosts of in a second
STEP_SECONDS = 1.0
MAX_PAUSE = 15.0
MAX_FAILING = 10  # the pause grows no further
ASIDE_SECONDS = 60.0
REFUSED_KEEP_SECONDS = 600
"""Refused values are given up after this; while Zabbix is away they are kept as long as there is room."""

Numbered = tuple[int, Value]


class Servers:
    """Several addresses, tried in order; one that failed comes last for a while."""

    def __init__(
        self,
        addresses: Sequence[Address],
        timeout: float,
        monotonic: Callable[[], float],
        secure: Secure | None = None,
    ) -> None:
        self._addresses = addresses
        self._timeout = timeout
        self._monotonic = monotonic
        self._secure = secure
        self._aside: dict[Address, float] = {}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the first answer.  Raises ``ZabbixError`` with what each one did when none answers."""
        now = self._monotonic()
        errors = []
        for address in sorted(self._addresses, key=lambda a: self._aside.get(a, 0.0) > now):
            try:
                reply = exchange(address, request, self._timeout, self._secure)
            except ZabbixError as error:
                self._aside[address] = self._monotonic() + ASIDE_SECONDS
                errors.append(str(error))
            else:
                self._aside.pop(address, None)
                return reply
        raise ZabbixError("; ".join(errors))


class Courier:
    """Registers what is due, then sends what waits, oldest first."""

    def __init__(
        self,
        servers: Servers,
        spool: Spool,
        registrations: Registrations,
        clock: Callable[[], float],
    ) -> None:
        self._servers = servers
        self._spool = spool
        self._registrations = registrations
        self._clock = clock
        self._sent = self._refused = self._errors = self._given_up = 0
        self._unproven: dict[str, list[int]] = {}  # taken once, to be sent again: numbers by host
        self._apart: set[int] = set()  # all of them
        self._not_allowed = ""
        self._failing = 0  # steps in a row without an answer
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zabbix", daemon=True)

    def start(self) -> None:
        """Begin delivering."""
        self._thread.start()

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Try once more to deliver, for at most ``timeout`` seconds, and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout)
        if len(self._spool):
            log.warning("stopping with %d documents that Zabbix has not taken", len(self._spool))

    def status(self) -> Delivery:
        """Return how it fares."""
        dropped = self._spool.dropped + self._given_up
        waiting = max(0, len(self._spool) - len(self._apart))
        return Delivery(waiting, dropped, self._sent, self._refused, self._errors)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._failing:  # new values come every cycle; while Zabbix is away they are no reason to hurry
                self._stop.wait(min(MAX_PAUSE, 2.0 ** (self._failing - 1)))
            else:
                self._wake.wait(STEP_SECONDS)
                self._wake.clear()
            self.step()

    def step(self) -> None:
        """Do what can be done now.  Never raises for what Zabbix does or does not do."""
        try:
            self._register()
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

    def _register(self) -> None:
        for host, metadata in self._registrations.due(REGISTRATIONS_PER_STEP):
            reply = self._servers.ask(
                active_checks(host, metadata)
            )  # "not found" is the answer to a new host
            self._registrations.told(host)
            self._notice(str(reply.get("info", "")))

    def _notice(self, info: str) -> None:
        """Tell a person, once, what only a person can change: Zabbix wants TLS, or another kind of it."""
        if "is not allowed" in info and info != self._not_allowed:
            log.error("Zabbix: %s; compare [zabbix] tls_connect with the host's Encryption in Zabbix", info)
            self._not_allowed = info

    def _drain(self) -> None:
        self._send_again()
        while batch := self._spool.oldest(BATCH, self._registrations.held(), self._apart):
            self._send(batch)
            if self._stop.is_set() or self._registrations.due(1):
                break  # hosts that arrived meanwhile come before a long backlog

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
