"""``/metrics`` of the correlator: read from SQL at each scrape, so one process speaks for all workers."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, time
from typing import TYPE_CHECKING

import requests
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import InfoMetricFamily
from prometheus_client.registry import Collector

from argus import __version__, exporter_capacity, services_metrics
from argus.catalogue import exported, exported_fleet
from argus.correlator.rulebook import BOOK
from argus.correlator.rules import RULES
from argus.errors import ArgusError
from argus.exporter_families import family, single
from argus.store import audit, health, progress, reports, silences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric
    from sqlalchemy.orm import Session

    from argus.store.engine import Store

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
NOTE_SECONDS = 30.0  # between two looks at ourselves
ASK_SECONDS = 20.0  # for one of them
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # where to ask who listens everywhere
ACTIVE = ("pending", "open")
MESSAGES = ("pending", "leased", "sent", "dead", "dropped", "folded")


@dataclass(frozen=True)
class StoreCollector(Collector):
    """Makes the metrics of one scrape; with the database down there is still ``argus_database_up 0``."""

    store: Store
    clock: Callable[[], float] = time

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, read in one transaction."""
        yield InfoMetricFamily("argus_build", "Version of argus.", {"version": __version__})
        try:
            with self.store.read() as session:
                families = [*self._incidents(session), *self._outbox(session), *self._rest(session)]
            up = 1.0
        except ArgusError as exc:
            log.warning("scrape: %s", exc)
            families, up = [], 0.0
        yield single(exported.DATABASE_UP, up)
        yield from families

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def _incidents(self, session: Session) -> Iterator[Metric]:
        count = family(exported.INCIDENTS)
        none = {(state, rule.severity.value, rule.name): 0 for rule in RULES for state in ACTIVE}
        for labels, number in {**none, **reports.counts(session, ACTIVE)}.items():
            count.add_metric((*labels, BOOK.kinds.get(labels[2], "")), number)
        yield count
        since = family(exported.OPENED)
        for row in reports.incidents(session, ("open",)):
            if row.opened_at is not None:
                since.add_metric((str(row.id), row.rule, row.subject, row.severity), row.opened_at)
        yield since

    def _outbox(self, session: Session) -> Iterator[Metric]:
        state = reports.outbox(session)
        messages = family(exported.MESSAGES)
        for name in MESSAGES:
            messages.add_metric((name,), state.by_state.get(name, 0))
        yield messages
        _, oldest = reports.overdue(session, self.clock())
        age = 0.0 if oldest is None else max(0.0, self.clock() - oldest)
        yield single(exported.OLDEST, age)

    def _rest(self, session: Session) -> Iterator[Metric]:
        yield from _progress(session, self.clock())
        yield from self._delivery(session)
        yield from services_metrics.collect(session, self.clock())
        yield from exporter_capacity.families(session, self.clock())
        for fleet in reports.fleet(session):
            if fleet.name in exported_fleet.SUMS:  # another version may have written more
                yield single(exported_fleet.SUMS[fleet.name], fleet.value)

    def _delivery(self, session: Session) -> Iterator[Metric]:
        """Yield how receivers fare, what the auditor found, and what is silenced."""
        sent, failing, up = (
            family(each) for each in (exported.NOTIFICATIONS, exported.FAILURES, exported.RECEIVER_UP)
        )
        for row in health.all_of(session):
            up.add_metric((row.target,), float(row.bad_since is None))
            sent.add_metric((row.target, "accepted"), row.sent)
            sent.add_metric((row.target, "failed"), row.failed)
            failing.add_metric((row.target,), row.failures)
        owed = family(exported.VIOLATIONS)
        for found in audit.results(session):
            owed.add_metric((found.invariant,), found.violations)
        symptoms, held = reports.suppressed(session)
        yield from (sent, failing, up, owed)
        yield single(exported.SYMPTOMS, symptoms)
        yield single(exported.HELD, held)
        yield single(exported.SILENCES, len(silences.active(session, self.clock())))


def _progress(session: Session, now: float) -> Iterator[Metric]:
    """Yield how tasks, cursors and leases fare."""
    age, took = family(exported.TASK_AGE), family(exported.TASK_SECONDS)
    failing, runs = family(exported.TASK_FAILING), family(exported.TASK_RUNS)
    for row in reports.progress(session):
        if row.last_success is not None:
            age.add_metric((row.task,), max(0.0, now - row.last_success))
        took.add_metric((row.task,), row.seconds)
        failing.add_metric((row.task,), float(bool(row.error)))
        runs.add_metric((row.task, "succeeded"), row.runs - row.failures)
        runs.add_metric((row.task, "failed"), row.failures)
    yield from (age, took, failing, runs)
    read, held, taken = (
        family(each) for each in (exported.CURSOR_AGE, exported.LEASE, exported.ACQUISITIONS)
    )
    for source, at in reports.cursors(session):
        read.add_metric((source,), max(0.0, now - at))
    for lease in reports.leases(session):
        held.add_metric((lease.name,), max(0.0, lease.until - now))
        taken.add_metric((lease.name,), lease.fence)
    yield from (read, held, taken)


def serve(store: Store, host: str, port: int, stop: threading.Event | None = None) -> int:
    """Serve ``/metrics`` until SIGTERM or SIGINT.  Raises ``ArgusError`` when the address cannot be used."""
    stopping = stop or threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with serving(store, host, port):
        while not stopping.is_set():
            note_health(store, host, port)
            stopping.wait(NOTE_SECONDS)
    return 0


def note_health(store: Store, host: str, port: int) -> None:
    """Ask ourselves as Prometheus does and note how that went, as a job of the schedule does.

    The correlator tells Zabbix how old the last success is, so that somebody misses an exporter that is gone.
    """
    started, monotonic, error = time(), perf_counter(), ""
    at = LOOPBACK.get(host, f"[{host}]" if ":" in host else host)
    try:
        requests.get(f"http://{at}:{port}/metrics", timeout=ASK_SECONDS).raise_for_status()
    except requests.RequestException as exc:
        error = f"/metrics does not answer: {type(exc).__name__}"
        log.error("%s", error)  # noqa: TRY400  # where it comes from is this line
    try:
        with store.write() as session:
            progress.note(session, progress.EXPORTER, started, perf_counter() - monotonic, error)
    except ArgusError as exc:
        log.warning("health not noted: %s", exc)


@contextmanager
def serving(store: Store, host: str, port: int) -> Iterator[None]:
    """Serve ``/metrics`` in threads as long as the context lasts."""
    registry = CollectorRegistry()
    registry.register(StoreCollector(store))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as exc:
        raise ArgusError(f"cannot listen on {host}:{port} ([exporter] listen): {exc.strerror}") from exc
    log.info("serving http://%s:%s/metrics", host, port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(STOP_SECONDS)
