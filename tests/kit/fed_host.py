"""A host in the lab's Zabbix that exists there only: registered and fed by a test, over the real protocol."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus_agent.config import Address
from argus_agent.zabbix_protocol import (
    Value,
    active_checks,
    exchange,
    parse_taken,
    sender_data,
    split_time,
)
from stack.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.zabbix.api import Zabbix

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FedHost:
    """``kind`` is ``node`` or ``guest``; ``server`` is the trapper of Zabbix."""

    zabbix: Zabbix
    server: tuple[str, int]
    kind: str
    host: str

    def register(self) -> None:
        """Tell Zabbix about the host, as an agent does, and wait until it is there."""
        request = active_checks(self.host, f"argus-{self.kind} seq={time.time_ns()}")
        exchange(Address(*self.server), request, SECONDS)
        assert wait_until(self.rows, 20, every=0.2), f"{self.host} was not registered"

    def rows(self, **params: Any) -> list[dict[str, Any]]:
        """The host as ``host.get`` tells it."""
        found: list[dict[str, Any]] = self.zabbix.read("host.get", filter={"host": [self.host]}, **params)
        return found

    def send(self, document: dict[str, Any], at: float | None = None) -> bool:
        """Send a document; false when Zabbix does not know the host's item yet."""
        now = time.time()
        value = Value(self.host, f"argus.{self.kind}.get", json.dumps(document), *split_time(at or now))
        reply = exchange(Address(*self.server), sender_data([value], now), SECONDS)
        return parse_taken(reply).failed == 0

    def feed(self, document: dict[str, Any]) -> None:
        """Send a document until it is taken."""
        assert wait_until(lambda: self.send(document), 20, every=0.5), f"{self.host}: values are refused"

    def newest(self, key: str) -> str | None:
        """The newest value of an item, ``None`` when it never had one."""
        rows = self.zabbix.read(
            "item.get", host=self.host, filter={"key_": key}, output=["lastvalue", "lastclock"]
        )
        return rows[0]["lastvalue"] if rows and rows[0]["lastclock"] != "0" else None

    def delete(self) -> None:
        """Remove the host; nothing when it is gone."""
        for row in self.rows(output=["hostid"]):
            self.zabbix.call("host.delete", row["hostid"])


@contextmanager
def fed_hosts(zabbix: Zabbix, server: tuple[str, int], *hosts: tuple[str, str]) -> Iterator[list[FedHost]]:
    """Hosts by (kind, name), registered now and deleted in the end."""
    made = [FedHost(zabbix, server, kind, host) for kind, host in hosts]
    try:
        for host in made:
            host.register()
        yield made
    finally:
        for host in made:
            host.delete()
