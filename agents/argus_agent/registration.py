"""Which Zabbix hosts this node answers for, and when each is to be registered (again).

Zabbix makes a host of the node, and of each guest, when it is told about it ("autoregistration").  A guest is
told with metadata that is new for each arrival: Zabbix 7.0 passes over what it has just heard, and the
guest may have come back within minutes.

Behind proxies "taken" proves little: for as long as server and proxies have not read that a host moved, a
proxy takes values that the server drops.  So for a while after an arrival values are sent again.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ARRIVAL_SECONDS = 2.0
"""Before a guest that arrived is told: the proxy of the node that it left hands its last values on meanwhile,
which the server drops once the guest is somewhere else."""
RESEND_SECONDS = 120.0
"""Default of ``[zabbix] resend_seconds``."""
REDISCOVER_AFTER = 30.0  # seconds at least: what was discovered first may have been lost as well
FIRST_VALUES_AFTER = 1.5
"""Seconds that Zabbix gets to make a host before its first values are sent."""
UNTOLD_SECONDS = 30.0
"""A guest's values wait this long at most to be told of first: Zabbix may know it from before."""
QUICK_SECONDS = 0.1
"""An answer within this is no sign of a crowd: the next registration follows at once."""
PAUSE_PER_SQUARE, MAX_PAUSE_SECONDS = 20.0, 60.0
"""After an answer that took longer by T seconds, 20 T² seconds pass before the next registration.

Each one holds a trapper of Zabbix until the host is made, a sixth of a second of two cores, and a zone that
starts registers from every node at once: without a pause all trappers make hosts and values wait.  With the
square the nodes of a fleet, however many, keep about as many registrations under way as there are trappers
of a server with the default (5), and the server has something to do all the time.
"""
REPEAT_SECONDS = 60.0  # up to twice that, different for each host
HOLD_SECONDS, MAX_HOLD_SECONDS = 2.0, 60.0
NEW_SEQ_AFTER = 2
"""Refusals in a row after which Zabbix is told anew: another node may have taken the host by mistake."""
NEVER = float("inf")


@dataclass(slots=True)
class _Host:
    prefix: str
    seq: int
    due: float
    held_until: float = 0.0
    refusals: int = 0
    refused_since: float = 0.0
    told_seq: int = 0
    unproven_until: float = 0.0
    rediscover_at: float = NEVER

    @property
    def metadata(self) -> str:
        return f"{self.prefix} seq={self.seq}"


class Registrations:
    """All methods may be called from any thread; times come from the clocks that are passed in."""

    def __init__(
        self,
        node: str,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        resend: float = RESEND_SECONDS,
    ) -> None:
        """``resend``: seconds after an arrival in which a value that was taken may yet be lost."""
        self._node = node
        self._resend = resend
        self._clock = clock
        self._monotonic = monotonic
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._hosts[node] = self._new("argus-node", self._monotonic())

    def present(self, guests: Collection[str], active: Collection[str], leaving: Collection[str]) -> None:
        """Take over the guests that this node answers for now, of which some are ``active``.

        ``leaving`` (and arriving) ones stay as they are: a guest on its way is not registered by the node
        that it comes to, and not sent by the node that it leaves.  A guest that is off is registered only
        if Zabbix does not know it: another node may run it by now.
        """
        with self._lock:
            for host in self._hosts.keys() - set(guests) - set(leaving) - {self._node}:
                del self._hosts[host]
            for guest in guests:
                if guest not in self._hosts:
                    due = self._monotonic() + ARRIVAL_SECONDS if guest in active else NEVER
                    self._hosts[guest] = self._new(f"argus-guest node={self._node}", due)

    def hosts(self) -> set[str]:
        """Return all hosts that this node answers for."""
        with self._lock:
            return set(self._hosts)

    def _new(self, prefix: str, due: float) -> _Host:
        return _Host(prefix, self._seq(), due, 0.0 if due == NEVER else due + UNTOLD_SECONDS)

    def _seq(self) -> int:
        return int(self._clock() * 1000)

    def due(self, limit: int) -> list[tuple[str, str]]:
        """Return host and metadata of up to ``limit`` registrations that are due, the longest due first.

        Arrivals come before what is only repeated.  None while Zabbix is to have a pause from them.
        """
        now = self._monotonic()
        with self._lock:
            if now < self._not_before:
                return []
            due = sorted(
                (host.told_seq == host.seq, host.due, name)
                for name, host in self._hosts.items()
                if host.due <= now
            )
            return [(name, self._hosts[name].metadata) for _, _, name in due[:limit]]

    def answered(self, name: str, seconds: float) -> None:
        """The answer to a registration, or none, took ``seconds``: a slow one is followed by a pause."""
        spread = 0.5 + zlib.crc32(f"{self._node} {name}".encode()) / 2**32
        pause = min(MAX_PAUSE_SECONDS, PAUSE_PER_SQUARE * max(0.0, seconds - QUICK_SECONDS) ** 2)
        with self._lock:
            self._not_before = self._monotonic() + spread * pause

    def told(self, name: str) -> None:
        """Zabbix was told: tell it again after a while that differs from host to host."""
        with self._lock:
            host = self._hosts.get(name)
            if host is None:
                return
            now = self._monotonic()
            host.due = now + REPEAT_SECONDS * (1 + zlib.crc32(name.encode()) / 2**32)
            if not host.told_seq:
                host.held_until = now + FIRST_VALUES_AFTER
            elif host.held_until:  # not taken yet
                host.held_until = max(host.held_until, now + FIRST_VALUES_AFTER)
            if host.told_seq != host.seq:
                host.told_seq = host.seq
                host.unproven_until = now + self._resend
                host.rediscover_at = now + max(self._resend, REDISCOVER_AFTER)

    def unproven(self, name: str) -> bool | None:
        """Whether what is taken of the host now may yet be lost; ``None`` when it is not this node's."""
        with self._lock:
            host = self._hosts.get(name)
            return None if host is None else host.unproven_until > self._monotonic()

    def rediscover(self, name: str) -> bool:
        """Whether disks, NICs and so on shall be told as if they were new; true once an arrival."""
        with self._lock:
            host = self._hosts.get(name)
            if host is None or host.rediscover_at > self._monotonic():
                return False
            host.rediscover_at = NEVER
            return True

    def held(self) -> set[str]:
        """Hosts whose values wait: Zabbix refused them, or is about to make the host."""
        now = self._monotonic()
        with self._lock:
            return {name for name, host in self._hosts.items() if host.held_until > now}

    def taken(self, name: str) -> None:
        """Zabbix took values of the host."""
        with self._lock:
            host = self._hosts.get(name)
            if host is not None:
                host.refusals = 0
                host.held_until = 0.0

    def refused(self, name: str) -> float | None:
        """Zabbix refused values of the host: wait, and tell it again.

        Returns for how many seconds it has refused them now; ``None`` when the host is not this node's.
        """
        with self._lock:
            host = self._hosts.get(name)
            if host is None:
                return None
            now = self._monotonic()
            if not host.refusals:
                host.refused_since = now
            host.refusals += 1
            host.held_until = now + min(MAX_HOLD_SECONDS, HOLD_SECONDS * 2 ** min(host.refusals - 1, 10))
            host.due = now
            if host.refusals >= NEW_SEQ_AFTER:
                host.seq = self._seq()
            return now - host.refused_since
