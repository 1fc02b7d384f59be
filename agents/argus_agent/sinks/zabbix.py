"""Turns each cycle into documents for Zabbix' master items, and says which hosts are this node's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from argus_agent.guests import SHUTOFF, SHUTOFF_MIGRATED
from argus_agent.sinks.document import NODE, documents
from argus_agent.zabbix_protocol import Value, split_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from argus_agent.delivery import Courier
    from argus_agent.registration import Registrations
    from argus_agent.runner import Result
    from argus_agent.spool import Spool

NODE_KEY, GUEST_KEY = "argus.node.get", "argus.guest.get"


class Zabbix:
    """Puts documents into the spool; delivering them is another thread's work."""

    def __init__(self, node: str, spool: Spool, registrations: Registrations, courier: Courier) -> None:
        self._node = node
        self._spool = spool
        self._registrations = registrations
        self._courier = courier

    def put(self, result: Result) -> None:
        """Hand over a cycle."""
        guests = result.libvirt.guests
        if guests is not None:
            here = {guest.uuid for guest in guests if guest.here}
            active = {guest.uuid for guest in guests if guest.active}
            gone = (SHUTOFF, SHUTOFF_MIGRATED)
            moving = {g.uuid for g in guests if not g.here and (g.state, g.reason) != gone}
            self._registrations.present(here, active, moving)
        else:  # libvirtd is silent; what the kernel tells of the guests we knew goes on
            here = self._registrations.hosts()
        self._spool.put(self._values(result, here))
        self._courier.wake()

    def _values(self, result: Result, here: Collection[str]) -> Iterator[Value]:
        clock, ns = split_time(result.at)
        for owner, document in documents(result.samples):
            if owner == NODE or (owner in here and (result.only is None or owner in result.only)):
                host, key = (self._node, NODE_KEY) if owner == NODE else (owner, GUEST_KEY)
                text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
                yield Value(host, key, text, clock, ns)
