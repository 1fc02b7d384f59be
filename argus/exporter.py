"""``/metrics`` of the correlator: read from SQL at each scrape, so one process speaks for all workers."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from argus import __version__, exporter_capacity, services_metrics
from argus.correlator.rulebook import BOOK
from argus.correlator.rules import RULES
from argus.errors import ArgusError
from argus.store import audit, health, reports, silences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric
    from sqlalchemy.orm import Session

    from argus.store.engine import Store

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
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
        yield GaugeMetricFamily("argus_database_up", "Whether the correlator's database can be read.", up)
        yield from families

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def _incidents(self, session: Session) -> Iterator[Metric]:
        count = GaugeMetricFamily(
            "argus_incidents",
            "Incidents that are not resolved; pending ones have been told to nobody yet.",
            labels=("state", "severity", "rule", "kind"),
        )
        none = {(state, rule.severity.value, rule.name): 0 for rule in RULES for state in ACTIVE}
        for labels, number in {**none, **reports.counts(session, ACTIVE)}.items():
            count.add_metric((*labels, BOOK.kinds.get(labels[2], "")), number)
        yield count
        since = GaugeMetricFamily(
            "argus_incident_opened_timestamp_seconds",
            "When each open incident was opened (the newest 500).",
            labels=("incident", "rule", "subject", "severity"),
        )
        for row in reports.incidents(session, ("open",)):
            if row.opened_at is not None:
                since.add_metric((str(row.id), row.rule, row.subject, row.severity), row.opened_at)
        yield since

    def _outbox(self, session: Session) -> Iterator[Metric]:
        state = reports.outbox(session)
        messages = GaugeMetricFamily(
            "argus_outbox_messages",
            "Messages by how far they came; dead ones were given up.",
            labels=("state",),
        )
        for name in MESSAGES:
            messages.add_metric((name,), state.by_state.get(name, 0))
        yield messages
        age = 0.0 if state.oldest is None else max(0.0, self.clock() - state.oldest)
        yield GaugeMetricFamily(
            "argus_outbox_oldest_age_seconds",
            "Age of the oldest message that is not sent yet; 0 for none.",
            age,
        )

    def _rest(self, session: Session) -> Iterator[Metric]:
        yield from _progress(session, self.clock())
        yield from self._delivery(session)
        yield from services_metrics.collect(session, self.clock())
        yield from exporter_capacity.families(session, self.clock())
        for fleet in reports.fleet(session):
            yield GaugeMetricFamily(f"argus_fleet_{fleet.name}", "Sum over nodes that report.", fleet.value)

    def _delivery(self, session: Session) -> Iterator[Metric]:
        """Yield how receivers fare, what the auditor found, and what is silenced."""
        sent = CounterMetricFamily(
            "argus_notifications",
            "Attempts to send a message, by receiver and result.",
            labels=("receiver", "result"),
        )
        failing = GaugeMetricFamily(
            "argus_receiver_failures", "Failures in a row; 0 for a receiver that works.", labels=("receiver",)
        )
        up = GaugeMetricFamily(
            "argus_receiver_up",
            "Whether it takes messages, by its last probe or message; absent for one that was never asked.",
            labels=("receiver",),
        )
        for row in health.all_of(session):
            up.add_metric((row.target,), float(row.bad_since is None))
            sent.add_metric((row.target, "accepted"), row.sent)
            sent.add_metric((row.target, "failed"), row.failed)
            failing.add_metric((row.target,), row.failures)
        owed = GaugeMetricFamily(
            "argus_audit_violations", "Incidents that break an invariant of delivery.", labels=("invariant",)
        )
        for found in audit.results(session):
            owed.add_metric((found.invariant,), found.violations)
        symptoms, held = reports.suppressed(session)
        yield from (sent, failing, up, owed)
        yield GaugeMetricFamily(
            "argus_incident_symptoms", "Open incidents that are told only with their cause.", symptoms
        )
        yield GaugeMetricFamily("argus_incident_held", "Incidents about which nothing is known now.", held)
        yield GaugeMetricFamily(
            "argus_silences_active", "Silences that hold now.", len(silences.active(session, self.clock()))
        )


def _progress(session: Session, now: float) -> Iterator[Metric]:
    """Yield how tasks, cursors and leases fare."""
    age = GaugeMetricFamily(
        "argus_task_last_success_age_seconds", "Time since the task last succeeded.", labels=("task",)
    )
    took = GaugeMetricFamily("argus_task_duration_seconds", "Duration of its last run.", labels=("task",))
    failing = GaugeMetricFamily("argus_task_failing", "Whether its last run failed.", labels=("task",))
    runs = CounterMetricFamily("argus_task_runs", "Runs, by result.", labels=("task", "result"))
    for row in reports.progress(session):
        if row.last_success is not None:
            age.add_metric((row.task,), max(0.0, now - row.last_success))
        took.add_metric((row.task,), row.seconds)
        failing.add_metric((row.task,), float(bool(row.error)))
        runs.add_metric((row.task, "succeeded"), row.runs - row.failures)
        runs.add_metric((row.task, "failed"), row.failures)
    yield from (age, took, failing, runs)
    read = GaugeMetricFamily(
        "argus_cursor_age_seconds",
        "Time since what is read between cycles was last read whole, or since its cursor moved.",
        labels=("source",),
    )
    for source, at in reports.cursors(session):
        read.add_metric((source,), max(0.0, now - at))
    held = GaugeMetricFamily(
        "argus_lease_remaining_seconds", "How long it is held; 0 when it is free.", labels=("lease",)
    )
    taken = CounterMetricFamily("argus_lease_acquisitions", "How often it was taken.", labels=("lease",))
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
        while not stopping.wait(1.0):
            pass
    return 0


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
