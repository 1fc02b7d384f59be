"""Tells Zabbix of hosts in a thread of its own: a Zabbix that is slow at making hosts still gets values."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from argus_agent.threads import THREADS
from argus_agent.zabbix_protocol import ZabbixError, active_checks

if TYPE_CHECKING:
    from argus_agent.registration import Registrations
    from argus_agent.servers import Servers

log = logging.getLogger(__name__)

ANSWER_SECONDS = 120.0
"""For the answer to a registration, which comes when the host is made.

Who hangs up and asks again may be heard twice: two trappers of Zabbix then make two hosts of one name, of
which one is empty and gets the values.
"""
AT_ONCE = 16  # of a Zabbix that answers at once; the pace is set by argus_agent.registration
STEP_SECONDS = 1.0


class Registrar:
    """Registers what is due, one after the other."""

    def __init__(self, servers: Servers, registrations: Registrations) -> None:
        self._servers = servers
        self._registrations = registrations
        self._not_allowed = ""
        self._answers = True
        self._stop = threading.Event()
        self._thread = THREADS.make("registrar", self._run)
        self.errors = 0
        """Registrations that nobody answered."""

    def start(self) -> None:
        """Begin registering."""
        self._thread.start()

    def stop(self) -> None:
        """Register nobody else; what is under way is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(STEP_SECONDS):
            self.step()

    def step(self) -> None:
        """Register what is due now.  Never raises for what Zabbix does or does not do."""
        for _ in range(AT_ONCE):
            due = self._registrations.due(1)
            if not due or self._stop.is_set():
                return
            ((host, metadata),) = due
            try:
                # "not found" is the answer to a new host
                reply = self._servers.ask(active_checks(host, metadata))
            except ZabbixError as error:
                self.errors += 1
                level = logging.ERROR if self._answers else logging.DEBUG  # once is enough for a person
                log.log(level, "Zabbix does not answer, %s is not registered yet: %s", host, error)
                self._answers = False
                self._registrations.answered(host, self._servers.took)
                return
            self._answers = True
            self._registrations.answered(host, self._servers.took)
            self._registrations.told(host)
            self._notice(str(reply.get("info", "")))

    def _notice(self, info: str) -> None:
        """Tell a person, once, what only a person can change: Zabbix wants TLS, or another kind of it."""
        if "is not allowed" in info and info != self._not_allowed:
            log.error("Zabbix: %s; compare [zabbix] tls_connect with the host's Encryption in Zabbix", info)
            self._not_allowed = info
