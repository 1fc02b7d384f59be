"""Turns each cycle into documents for Zabbix' master items, and says which hosts are this node's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.guests import SHUTOFF, SHUTOFF_MIGRATED
from argus_agent.settings import FULL, OFF, STANDARD
from argus_agent.sinks.document import NODE, documents, entity_of, mark_lists
from argus_agent.sinks.owed import Owed
from argus_agent.zabbix_protocol import Value, split_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from argus.catalogue.model import Row, Sample
    from argus_agent.delivery import Courier
    from argus_agent.guests import Guest
    from argus_agent.registration import Registrations
    from argus_agent.runner import Result
    from argus_agent.spool import Spool

NODE_KEY, GUEST_KEY = "argus.node.get", "argus.guest.get"
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)
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
        self._standing: dict[str, _Standing] | None = None  # of all guests, once they were known
        self._owed = Owed()
        self._sent_until = float("-inf")  # what was measured until then was sent, seconds since the epoch

    def put(self, result: Result) -> None:
        """Hand over a cycle."""
        here = self._here(result)
        self._spool.put(self._values(result, here))
        self.courier.wake()

    def _here(self, result: Result) -> Collection[str]:
        """Tell the registrations which guests are here; return those that may be sent."""
        guests = () if self._level == OFF else result.libvirt.guests
        if guests is None:  # libvirtd is silent; what the kernel tells of the guests we knew goes on
            return self._registrations.hosts()
        if result.only is None:
            self._standing = {}
        elif self._standing is None:  # all were never known: the others are not gone
            return self._registrations.hosts()
        elif result.libvirt.complete:
            self._standing = {u: how for u, how in self._standing.items() if u not in result.only}
        self._standing |= {guest.uuid: _standing(guest) for guest in guests}
        here = {uuid for uuid, how in self._standing.items() if how.here}
        active = {uuid for uuid, how in self._standing.items() if how.active}
        moving = {uuid for uuid, how in self._standing.items() if how.moving}
        self._registrations.present(here, active, moving)
        return here

    def _values(self, result: Result, here: Collection[str]) -> Iterator[Value]:
        wanted = self._wanted(result, here)
        again = {host for host in (NODE, *wanted) if self._registrations.rediscover(host or self._node)}
        for at, samples in self._by_time(result, self._told(result, here, wanted), again).items():
            clock, ns = split_time(at)
            for owner, document in documents(samples):
                if not document or (owner != NODE and owner not in wanted):
                    continue
                host, key = (self._node, NODE_KEY) if owner == NODE else (owner, GUEST_KEY)
                if owner in again:
                    mark_lists(document, int(result.at))
                yield Value(host, key, _JSON.encode(document), clock, ns)
        if wanted is here:  # else what the others have that is new is to be sent with the next
            self._sent_until = result.at

    def _told(self, result: Result, here: Collection[str], wanted: Collection[str]) -> Iterable[Sample | Row]:
        """Return what is to be sent; gauges of two readings over all the time since they were sent last."""
        if result.at < self._sent_until:  # the clock was set back: times of before say nothing now
            self._sent_until = float("-inf")
        told: Iterable[Sample | Row] = result.told
        if self._level == STANDARD:
            told = [one for one in told if not entity_of(one).detail]
        if result.only is not None:  # has no such gauges
            return told
        return self._owed.settle(told, result.at, here, wanted, self._is_new)

    def _is_new(self, one: Sample | Row) -> bool:
        return one.at is None or one.at > self._sent_until

    def _by_time(
        self, result: Result, told: Iterable[Sample | Row], again: Collection[str]
    ) -> dict[float, list[Sample | Row]]:
        """Return the samples by the time at which they were measured.

        Those that were sent before are left out, but for hosts that Zabbix shall discover ``again``.
        """
        found: dict[float, list[Sample | Row]] = {result.at: []}
        for one in told:
            if one.at is None:
                found[result.at].append(one)
            elif self._is_new(one) or (one.labels[0] if entity_of(one).of_guest else NODE) in again:
                found.setdefault(one.at, []).append(one)
        return found

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


class _Standing(NamedTuple):
    here: bool
    active: bool
    moving: bool


def _standing(guest: Guest) -> _Standing:
    gone = (guest.state, guest.reason) == (SHUTOFF, SHUTOFF_MIGRATED)
    return _Standing(guest.here, guest.active, not guest.here and not gone)
