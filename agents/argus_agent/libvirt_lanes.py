"""Calls beside the bulk one, each kind in a worker of its own so that one that hangs delays no other.

*Details* looks at the few guests that have a job or a storage error.  *Slow* asks, every few minutes, for
what changes slowly: storage pools, snapshots, and the dirty rate where somebody else had it measured
(starting a measurement crashed guests in tests, and competes with migrations: it is never done here).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import libvirt

from argus_agent.guests import Detail, Pool, SlowFacts
from argus_agent.libvirt_connection import Connection, hypervisor_of
from argus_agent.worker import Call, Stuck, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

log = logging.getLogger(__name__)

SLOW_SECONDS = 300.0
SLOW_MAX_AGE = 3 * SLOW_SECONDS
MAX_DETAILS = 50
"""Guests asked about their jobs in one cycle; a node does not migrate more at once."""
_DIRTY_RATE_MEASURED = 2  # virDomainDirtyRateStatus
_NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT


class DetailLane:
    """Progress of jobs and errors of disks, for guests that are known to have some."""

    def __init__(self, uri: str, seconds: dict[str, float]) -> None:
        self._connection = Connection(uri, seconds)
        self._worker = Worker("libvirt-details")

    def ask(self, jobs: Collection[str], failed: Collection[str], timeout: float) -> Mapping[str, Detail]:
        """Return what is known of guests with jobs, and with disks that failed; less when it takes long."""
        if (not jobs and not failed) or self._worker.busy:
            return {}
        found: dict[str, Detail] = {}
        call = self._worker.start(lambda: self._read(sorted(jobs), sorted(failed), found))
        try:
            call.result(timeout)
        except (Stuck, libvirt.libvirtError) as error:
            log.debug("details of %d guests: %s", len(jobs) + len(failed), error)
        return dict(found)

    def _read(self, jobs: list[str], failed: list[str], found: dict[str, Detail]) -> None:
        for uuid in jobs[:MAX_DETAILS]:
            job = self._one(uuid, "job", lambda domain: domain.jobStats())
            if job:
                found[uuid] = Detail(job=job)
        for uuid in failed[:MAX_DETAILS]:
            errors = self._one(uuid, "disk_errors", lambda domain: domain.diskErrors())
            if errors is not None:
                found[uuid] = Detail(found[uuid].job if uuid in found else {}, errors)

    def _one(self, uuid: str, kind: str, ask: Callable[[Any], Any]) -> Any:
        try:
            with self._connection.call(kind) as conn:
                return ask(conn.lookupByUUIDString(uuid))
        except libvirt.libvirtError as error:  # the job or the guest ended since
            log.debug("%s of guest %s: %s", kind, uuid, error)
            return None


class SlowLane:
    """Keeps the last answers, and forgets them when they are old."""

    def __init__(self, uri: str, seconds: dict[str, float], monotonic: Callable[[], float]) -> None:
        self._connection = Connection(uri, seconds)
        self._worker = Worker("libvirt-slow")
        self._monotonic = monotonic
        self._call: Call[SlowFacts] | None = None
        self._due = 0.0
        self._facts: SlowFacts | None = None

    def facts(self) -> SlowFacts | None:
        """Return the last answers, and ask again when it is time; never waits."""
        now = self._monotonic()
        if self._call is not None and self._call.done:
            self._take(self._call)
            self._call = None
        if self._call is None and now >= self._due:
            self._due = now + SLOW_SECONDS
            self._call = self._worker.start(self._read)
        fresh = self._facts is not None and now - self._facts.at < SLOW_MAX_AGE
        return self._facts if fresh else None

    def _take(self, call: Call[SlowFacts]) -> None:
        try:
            self._facts = call.result(0)
        except libvirt.libvirtError as error:
            log.debug("slow facts: %s", error)
            self._due = self._monotonic() + SLOW_SECONDS / 10

    def _read(self) -> SlowFacts:
        at = self._monotonic()
        return SlowFacts(at, self._pools(), self._snapshots(), self._dirty_rates(), self._hypervisor())

    def _hypervisor(self) -> str:
        with self._connection.call("version") as conn:
            return hypervisor_of(conn)

    def _pools(self) -> tuple[Pool, ...] | None:
        try:
            with self._connection.call("pools") as conn:
                return tuple(_pool(pool) for pool in conn.listAllStoragePools(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            return None  # a libvirt without storage drivers

    def _snapshots(self) -> dict[str, int]:
        with self._connection.call("snapshots") as conn:
            return {d.UUIDString(): n for d in conn.listAllDomains(0) if (n := _count(d)) is not None}

    def _dirty_rates(self) -> dict[str, float]:
        group = getattr(libvirt, "VIR_DOMAIN_STATS_DIRTYRATE", 0)
        if not group:
            return {}
        try:
            with self._connection.call("dirty_rate") as conn:
                records = conn.getAllDomainStats(group, _NOWAIT)
        except libvirt.libvirtError as error:
            log.debug("dirty rates: %s", error)
            return {}
        return {
            domain.UUIDString(): stats["dirtyrate.megabytes_per_second"] * 2.0**20
            for domain, stats in records
            if stats.get("dirtyrate.calc_status") == _DIRTY_RATE_MEASURED
            and "dirtyrate.megabytes_per_second" in stats
        }


def _count(domain: Any) -> int | None:
    try:
        return int(domain.snapshotNum(0))
    except libvirt.libvirtError as error:  # it ended since
        log.debug("snapshots: %s", error)
        return None


def _pool(pool: Any) -> Pool:
    state, capacity, allocation, available = pool.info()
    return Pool(pool.name(), state, capacity, allocation, available)
