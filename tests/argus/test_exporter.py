"""``/metrics`` tells what SQL knows, and that it is up when SQL is not."""

from __future__ import annotations

import threading
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from smtp_server import free_port

from argus import exporter
from argus.catalogue import allocation, exported
from argus.correlator.facts import Facts, NodeValues
from argus.correlator.fleet import fleet_sums
from argus.errors import ArgusError
from argus.exporter import StoreCollector
from argus.routing.matchers import parse
from argus.store import audit, health, leases, progress, reports, silences, snapshots
from argus.store.engine import open_store
from argus.store.models import IncidentRow, OutboxRow

if TYPE_CHECKING:
    from pathlib import Path

    from argus.store.engine import Store


def scrape(store: Store, now: float = 1000) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(StoreCollector(store, lambda: now))
    return registry


def fill(store: Store) -> None:
    with store.write() as session:
        row = IncidentRow(
            rule="libvirtd_does_not_answer",
            subject="cmp1",
            phase="open",
            severity="HIGH",
            summary="",
            evidence={},
            since=880,
            seen_at=990,
            opened_at=900,
            held="",
        )
        session.add(row)
        session.flush()
        session.add(
            OutboxRow(
                incident_id=row.id,
                receiver="email:a@b",
                kind="open",
                state="pending",
                payload={},
                created_at=900,
                next_at=0,
            )
        )
        progress.note(session, "correlate", 990.0, 2.0)
        progress.note(session, "deliver", 990.0, 1.0, "no mail server")
        progress.write_fleet(session, {"nodes": 3.0}, 990)


def test_everything_that_is_declared_is_told_and_nothing_else(store: Store) -> None:
    fill(store)
    told = {each.name for each in StoreCollector(store, lambda: 1000.0).collect()} - {"argus_build"}
    declared = {each.name for each in exported.SERIES}
    assert declared <= told
    assert told - declared == {"argus_fleet_nodes"}, "the rest waits for figures"


def test_incidents_messages_tasks_and_fleet_are_there(store: Store) -> None:
    fill(store)
    seen = scrape(store)
    labels = {"state": "open", "severity": "HIGH", "rule": "libvirtd_does_not_answer", "kind": "node"}
    value = seen.get_sample_value
    assert value("argus_database_up") == 1
    assert value("argus_incidents", labels) == 1
    assert value("argus_incidents", {**labels, "state": "pending"}) == 0
    assert value("argus_outbox_messages", {"state": "pending"}) == 1
    assert value("argus_outbox_messages", {"state": "dead"}) == 0
    assert value("argus_outbox_oldest_age_seconds") == 100
    assert value("argus_task_last_success_age_seconds", {"task": "correlate"}) == 8
    assert value("argus_task_last_success_age_seconds", {"task": "deliver"}) is None
    assert value("argus_task_failing", {"task": "deliver"}) == 1
    assert value("argus_fleet_nodes") == 3
    info = {"incident": "1", "rule": "libvirtd_does_not_answer", "subject": "cmp1", "severity": "HIGH"}
    assert value("argus_incident_opened_timestamp_seconds", info) == 900


def test_tasks_cursors_and_leases_are_there(store: Store) -> None:
    fill(store)
    with store.write() as session:
        snapshots.put(session, "zabbix events", {"newest": 7, "seen": []}, 970)
        snapshots.failed(session, "capacity", "away", 990)  # never read: it has no age
    leases.acquire(store, "correlate", "me", 40, 980)
    free = leases.acquire(store, "read openstack", "me", 40, 980)
    assert free
    leases.release(store, free)
    value = scrape(store).get_sample_value
    assert value("argus_task_runs_total", {"task": "correlate", "result": "succeeded"}) == 1
    assert value("argus_task_runs_total", {"task": "deliver", "result": "failed"}) == 1
    assert value("argus_cursor_age_seconds", {"source": "zabbix events"}) == 30
    assert value("argus_cursor_age_seconds", {"source": "capacity"}) is None
    assert value("argus_lease_remaining_seconds", {"lease": "correlate"}) == 20
    assert value("argus_lease_remaining_seconds", {"lease": "read openstack"}) == 0
    assert value("argus_lease_acquisitions_total", {"lease": "correlate"}) == 1


def test_receivers_audit_symptoms_and_silences_are_there(store: Store) -> None:
    fill(store)
    with store.write() as session:
        health.failed(session, "webhook:ops", "500", 900)
        health.accepted(session, "email:a@b", 900)
        health.probed(session, "slack:team", "answers 403", 900)
        audit.note(session, audit.violations(session, 2000, anybody=True), 2000)
        silences.add(session, [parse('node="cmp1"')], None, "ann", "why", 0)
        session.get_one(IncidentRow, 1).cause_rule = "node_does_not_report"
    value = scrape(store).get_sample_value
    failed = {"receiver": "webhook:ops", "result": "failed"}
    assert value("argus_notifications_total", failed) == 1
    assert value("argus_receiver_failures", {"receiver": "webhook:ops"}) == 1
    assert value("argus_receiver_failures", {"receiver": "email:a@b"}) == 0
    assert value("argus_receiver_up", {"receiver": "email:a@b"}) == 1
    assert value("argus_receiver_up", {"receiver": "slack:team"}) == 0
    assert value("argus_audit_violations", {"invariant": "in_time"}) == 1
    assert value("argus_audit_violations", {"invariant": "in_order"}) == 0
    assert value("argus_incident_symptoms") == 1
    assert value("argus_incident_held") == 0
    assert value("argus_silences_active") == 1


def test_a_sum_that_is_no_longer_known_disappears(store: Store) -> None:
    for sums in ({"nodes": 3.0, "ghosts": 1.0}, {"nodes": 4.0}):
        with store.write() as session:
            progress.write_fleet(session, sums, 0)
    seen = scrape(store)
    assert seen.get_sample_value("argus_fleet_nodes") == 4
    assert seen.get_sample_value("argus_fleet_ghosts") is None


def test_without_a_database_it_still_answers(tmp_path: Path) -> None:
    seen = scrape(open_store(f"sqlite:///{tmp_path}/no/such/folder.db"))
    assert seen.get_sample_value("argus_database_up") == 0
    assert seen.get_sample_value("argus_incidents", {}) is None


@pytest.mark.slow
def test_it_serves_over_http_until_told_to_stop(store: Store) -> None:
    port, stop = free_port(), threading.Event()
    stop.set()
    assert exporter.serve(store, "127.0.0.1", port, stop) == 0
    with (
        exporter.serving(store, "127.0.0.1", port),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer,
    ):
        assert b"argus_database_up 1.0" in answer.read()


def test_it_notes_that_it_answers_so_that_somebody_misses_it(store: Store) -> None:
    port = free_port()
    exporter.note_health(store, "127.0.0.1", port)
    with exporter.serving(store, "127.0.0.1", port):
        exporter.note_health(store, "0.0.0.0", port)
    with store.read() as session:
        (row,) = reports.progress(session)
    assert (row.task, row.runs, row.failures, row.error) == (progress.EXPORTER, 2, 1, "")
    assert row.last_success is not None


def test_an_address_that_cannot_be_used_is_named(store: Store) -> None:
    with pytest.raises(ArgusError, match=r"192\.0\.2\.1:9753 \(\[exporter\] listen\)"):
        exporter.serve(store, "192.0.2.1", 9753, threading.Event())


def test_only_recent_values_count_for_the_fleet() -> None:
    vcpus = allocation.VCPUS.field
    facts = Facts(
        nodes=(
            NodeValues("cmp1", {vcpus: 4.0}, 1000),
            NodeValues("cmp2", {vcpus: 8.0}, 1000),
            NodeValues("cmp3", {vcpus: 16.0}, 500),
            NodeValues("cmp4", {}, 1000),
        )
    )
    sums = fleet_sums(facts, 90, 1010)
    assert (sums["nodes"], sums["nodes_reporting"], sums[vcpus]) == (4, 3, 12)
    assert allocation.MEMORY.field not in sums
