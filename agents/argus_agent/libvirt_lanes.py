"""Calls beside the bulk one, each kind in a worker of its own so that one that hangs delays no other.

*Details* looks at the few guests that have a job or a storage error.  *Slow* asks, every few minutes, for
what changes slowly: storage pools, snapshots, and the dirty rate where somebody else had it measured
(starting a measurement crashed guests in tests, and competes with migrations: it is never done here).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

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

    def __init__(
        self,
        uri: str,
        seconds: dict[str, float],
        connect: Callable[[str, dict[str, float]], Connection] | None = None,
    ) -> None:
        self._connection = (connect or Connection)(uri, seconds)
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
    """Keeps the last answer of each kind, and forgets it when it is old.

    Each kind is asked by itself, on a connection of its own: a libvirt without one of its daemons
    (virtstoraged), or a pool that hangs, costs that kind alone.
    """

    def __init__(
        self,
        uri: str,
        seconds: dict[str, float],
        monotonic: Callable[[], float],
        connect: Callable[[str, dict[str, float]], Connection] | None = None,
    ) -> None:
        make = connect or Connection
        asked: dict[str, Callable[[Any], Any]] = {
            "pools": _pools,
            "snapshots": _snapshots,
            "version": hypervisor_of,
        }
        if hasattr(libvirt, "VIR_DOMAIN_STATS_DIRTYRATE"):
            asked["dirty_rate"] = _dirty_rates
        self._kinds = {
            name: _Kind(name, ask, lambda: make(uri, seconds), monotonic) for name, ask in asked.items()
        }

    def facts(self) -> SlowFacts | None:
        """Return the last answers, and ask again when it is time; never waits."""
        for kind in self._kinds.values():
            kind.turn()
        fresh = {name: kind.answer for name, kind in self._kinds.items() if kind.answer is not None}
        if not fresh:
            return None
        values = {name: answer.value for name, answer in fresh.items()}
        return SlowFacts(
            max(answer.at for answer in fresh.values()),
            values.get("pools"),
            values.get("snapshots", {}),
            values.get("dirty_rate", {}),
            values.get("version", ""),
            {name: answer.at for name, answer in fresh.items()},
        )

    def failures(self) -> Mapping[str, int]:
        """Return how often each kind failed since the agent started; only kinds that did."""
        return {name: kind.failures for name, kind in self._kinds.items() if kind.failures}


class _Answer(NamedTuple):
    at: float
    value: Any


class _Kind:
    """One question that is asked every few minutes, and its last answer."""

    def __init__(
        self,
        name: str,
        ask: Callable[[Any], Any],
        connect: Callable[[], Connection],
        monotonic: Callable[[], float],
    ) -> None:
        self._name = name
        self._ask = ask
        self._connection = connect()
        self._worker = Worker(f"libvirt-{name}")
        self._monotonic = monotonic
        self._call: Call[_Answer] | None = None
        self._due = 0.0
        self._answer: _Answer | None = None
        self._said = ""
        self.failures = 0

    @property
    def answer(self) -> _Answer | None:
        """The last answer, unless it is old."""
        old = self._answer is None or self._monotonic() - self._answer.at >= SLOW_MAX_AGE
        return None if old else self._answer

    def turn(self) -> None:
        """Take the answer that came, and ask when it is time."""
        now = self._monotonic()
        if self._call is not None and self._call.done:
            call, self._call = self._call, None
            self._take(call)
        if self._call is None and now >= self._due:
            self._due = now + SLOW_SECONDS
            self._call = self._worker.start(self._read)

    def _take(self, call: Call[_Answer]) -> None:
        try:
            self._answer = call.result(0)
        except Exception as error:  # noqa: BLE001 -- an answer of another form costs this kind, not the cycle
            self.failures += 1
            self._due = self._monotonic() + SLOW_SECONDS / 10
            self._say(f"{type(error).__name__}: {error}")
        else:
            self._say("")

    def _say(self, failure: str) -> None:
        """Log a change once, not every few minutes."""
        if failure and not self._said:
            log.error("libvirt does not tell %s: %s", self._name.replace("_", " "), failure)
        elif failure:
            log.debug("%s: %s", self._name, failure)
        elif self._said:
            log.info("libvirt tells %s again", self._name.replace("_", " "))
        self._said = failure

    def _read(self) -> _Answer:
        at = self._monotonic()
        with self._connection.call(self._name) as conn:
            return _Answer(at, self._ask(conn))


def _pools(conn: Any) -> tuple[Pool, ...] | None:
    try:
        pools = conn.listAllStoragePools(0)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
        return None  # a libvirt without storage drivers
    return tuple(found for pool in pools if (found := _pool(pool)) is not None)


def _pool(pool: Any) -> Pool | None:
    try:
        state, capacity, allocation, available = pool.info()[:4]
        return Pool(pool.name(), state, capacity, allocation, available)
    except libvirt.libvirtError as error:
        log.debug("pool: %s", error)  # it was undefined since
        return None


def _snapshots(conn: Any) -> dict[str, int]:
    return {d.UUIDString(): n for d in conn.listAllDomains(0) if (n := _count(d)) is not None}


def _count(domain: Any) -> int | None:
    try:
        return int(domain.snapshotNum(0))
    except libvirt.libvirtError as error:  # it ended since
        log.debug("snapshots: %s", error)
        return None


def _dirty_rates(conn: Any) -> dict[str, float]:
    """Bytes per second by UUID; libvirt's word for MiB is megabytes."""
    rates = {}
    for domain, stats in conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_DIRTYRATE, _NOWAIT):
        rate = stats.get("dirtyrate.megabytes_per_second")
        if stats.get("dirtyrate.calc_status") == _DIRTY_RATE_MEASURED and isinstance(rate, int | float):
            rates[domain.UUIDString()] = rate * 2.0**20
    return rates
