"""Calls about domains, as plain values, on one connection."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import libvirt

from argus_agent.libvirt_connection import Connection, guests_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from argus_agent.guests import Guest

log = logging.getLogger(__name__)

LIST_SECONDS = 60.0
NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT


@dataclass(frozen=True, slots=True)
class Answer:
    """``at``: when it came, on the monotonic clock; ``seconds``: how long the call took."""

    guests: tuple[Guest, ...]
    seconds: float
    version: str
    hypervisor: str
    at: float = 0.0


class _Listed(NamedTuple):
    """Domains as they were listed, and what may not have changed since."""

    conn: Any
    numbers: tuple[frozenset[int], int]
    wanted: Callable[[str], bool]
    listed_at: float
    domains: list[Any]


class Domains:
    """Calls about domains, on a connection that is used by one thread only."""

    def __init__(
        self,
        uri: str,
        seconds: dict[str, float],
        hung_after: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = Connection(uri, seconds)
        self._hung_after = hung_after
        self._kept: _Listed | None = None
        self._monotonic = monotonic

    def stats(self, groups: int, kind: str = "stats") -> Answer:
        """Return all domains.  Raises ``libvirt.libvirtError``."""
        with self._connection.call(kind) as conn:
            records = conn.getAllDomainStats(groups, NOWAIT)
        return self._answered(records, self._connection.took(kind))

    def probe(self, groups: int) -> tuple[Answer, frozenset[str]]:
        """Return all domains without asking a QEMU, and the UUIDs of those whose QEMU does not hang."""
        answer = self.stats(groups, "probe")
        return answer, self.responsive(answer.guests)

    def responsive(self, guests: tuple[Guest, ...]) -> frozenset[str]:
        """Return the UUIDs of the guests whose QEMU does not hang."""
        return frozenset(guest.uuid for guest in guests if self._is_responsive(guest))

    def _is_responsive(self, guest: Guest) -> bool:
        """Ask virDomainGetControlInfo: a monitor that is merely in use has been so for milliseconds."""
        if not guest.active:
            return True
        try:
            with self._connection.call("control") as conn:
                state, _, for_ms = conn.lookupByUUIDString(guest.uuid).controlInfo(0)
        except libvirt.libvirtError as error:
            log.debug("control of guest %s: %s", guest.uuid, error)  # it ended since
            return False
        in_use = state in (libvirt.VIR_DOMAIN_CONTROL_JOB, libvirt.VIR_DOMAIN_CONTROL_OCCUPIED)
        return bool(state == libvirt.VIR_DOMAIN_CONTROL_OK or (in_use and for_ms < 1000 * self._hung_after))

    def share(self, groups: int, wanted: Callable[[str], bool]) -> Answer:
        """Return the statistics of the domains whose UUIDs are wanted.  Raises ``libvirt.libvirtError``."""
        with self._connection.call("stats") as conn:
            domains = self._listed(conn, wanted)
            records = conn.domainListGetStats(domains, groups, NOWAIT) if domains else []
        return self._answered(records, self._connection.took("stats"))

    def _listed(self, conn: Any, wanted: Callable[[str], bool]) -> list[Any]:
        """Return the domains that are wanted; they are listed when they are others, and once a minute.

        A domain that starts gets a number that none had before, so that most cycles need numbers only.
        """
        now, numbers = self._monotonic(), (frozenset(conn.listDomainsID()), conn.numOfDefinedDomains())
        kept = self._kept
        if (
            kept is None
            or (kept.conn, kept.numbers) != (conn, numbers)
            or kept.wanted != wanted
            or now - kept.listed_at >= LIST_SECONDS
        ):
            domains = [domain for domain in conn.listAllDomains(0) if wanted(domain.UUIDString())]
            kept = self._kept = _Listed(conn, numbers, wanted, now, domains)
        return kept.domains

    def some(self, groups: int, uuids: Collection[str], cheap: int, hung: Collection[str]) -> Answer:
        """Return the statistics of a few domains, of ``hung`` ones only the groups ``cheap``.

        A domain that is not there any more is left out.  Raises ``libvirt.libvirtError``, also when there
        is no domain to ask for and libvirtd does not answer.
        """
        begun = self._monotonic()
        records: list[Any] = []
        with self._connection.call("") as conn:
            for wanted, mask in ((uuids, groups), (hung, cheap)):
                domains = [domain for uuid in wanted if (domain := _lookup(conn, uuid)) is not None]
                records += conn.domainListGetStats(domains, mask, NOWAIT) if domains else []
            if not records:
                conn.numOfDomains()
        return self._answered(records, self._monotonic() - begun)

    def _answered(self, records: Any, seconds: float) -> Answer:
        at = self._monotonic()
        return Answer(guests_of(records, at), seconds, *self._connection.versions, at)

    def xml(self, uuid: str) -> str | None:
        """Return a domain's XML; ``None`` when there is no such domain any more."""
        try:
            with self._connection.call("definition") as conn:
                return str(conn.lookupByUUIDString(uuid).XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise


def _lookup(conn: Any, uuid: str) -> Any:
    """Return the domain, ``None`` when it is gone.  Raises ``libvirt.libvirtError`` for other reasons."""
    try:
        return conn.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise
