"""The Zabbix servers and proxies that an agent may talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus_agent.zabbix_protocol import ZabbixError, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from argus.zabbix_tls import Secure
    from argus_agent.settings import Address

ASIDE_SECONDS = 60.0


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
        self.took = 0.0
        """Seconds that the last ``ask`` took, with or without an answer."""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the first answer.  Raises ``ZabbixError`` with what each one did when none answers."""
        now = self._monotonic()
        errors = []
        try:
            for address in sorted(self._addresses, key=lambda a: self._aside.get(a, 0.0) > now):
                try:
                    reply = exchange(address, request, self._timeout, self._secure)
                except ZabbixError as error:
                    self._aside[address] = self._monotonic() + ASIDE_SECONDS
                    errors.append(str(error))
                else:
                    self._aside.pop(address, None)
                    return reply
        finally:
            self.took = self._monotonic() - now
        raise ZabbixError("; ".join(errors))
