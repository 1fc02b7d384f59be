"""Turns each cycle into documents for Zabbix' master items, and says which hosts are this node's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from argus_agent.guests import SHUTOFF, SHUTOFF_MIGRATED
from argus_agent.settings import FULL, OFF, STANDARD
from argus_agent.sinks.document import NODE, documents, mark_lists
from argus_agent.zabbix_protocol import Value, split_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from argus.catalogue.model import Sample
    from argus_agent.delivery import Courier
    from argus_agent.registration import Registrations
    from argus_agent.runner import Result
    from argus_agent.spool import Spool

NODE_KEY, GUEST_KEY = "argus.node.get", "argus.guest.get"
STANDARD_SECONDS = 60.0
"""Between two documents of a guest at the level standard."""


class Zabbix:
    """Puts documents into the spool; delivering them is another thread's work."""

    def __init__(
        self,
        node: str,
        spool: Spool,
        registrations: Registrations,
        courier: Courier,
        level: str = FULL,
    ) -> None:
        """``level`` is how much of the guests is sent: ``[zabbix] guests``."""
        self._level = level
        self._guests_at = float("-inf")  # when all guests were sent last, in seconds since the epoch
        self._node = node
        self._spool = spool
        self._registrations = registrations
        self.courier = courier

    def put(self, result: Result) -> None:
        """Hand over a cycle."""
        guests = () if self._level == OFF else result.libvirt.guests
        if guests is not None:
            here = {guest.uuid for guest in guests if guest.here}
            active = {guest.uuid for guest in guests if guest.active}
            gone = (SHUTOFF, SHUTOFF_MIGRATED)
            moving = {g.uuid for g in guests if not g.here and (g.state, g.reason) != gone}
            self._registrations.present(here, active, moving)
        else:  # libvirtd is silent; what the kernel tells of the guests we knew goes on
            here = self._registrations.hosts()
        self._spool.put(self._values(result, here))
        self.courier.wake()

    def _values(self, result: Result, here: Collection[str]) -> Iterator[Value]:
        clock, ns = split_time(result.at)
        wanted = self._wanted(result, here)
        samples: Iterable[Sample] = result.samples
        if self._level == STANDARD:
            samples = (sample for sample in samples if not sample.metric.entity.detail)
        for owner, document in documents(samples):
            if owner == NODE or owner in wanted:
                host, key = (self._node, NODE_KEY) if owner == NODE else (owner, GUEST_KEY)
                if self._registrations.rediscover(host):
                    mark_lists(document, clock)
                text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
                yield Value(host, key, text, clock, ns)

    def _wanted(self, result: Result, here: Collection[str]) -> Collection[str]:
        """The guests whose documents are sent now."""
        if result.only is not None:
            return {uuid for uuid in here if uuid in result.only}
        if self._level == STANDARD:
            # the clock of cycles is not even: a tick may come a moment before the minute is over
            if abs(result.at - self._guests_at) < STANDARD_SECONDS - 1:
                return ()
            self._guests_at = result.at
        return here
