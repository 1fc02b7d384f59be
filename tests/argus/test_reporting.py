"""What the correlator tells Zabbix about itself is what its database holds."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from trapper import Trapper

from argus import reporting
from argus.catalogue import correlator
from argus.catalogue.model import Severity
from argus.correlator.thresholds import Policy
from argus.reporting_incidents import LONGEST, MOST
from argus.routing.tree import everything
from argus.site import Site
from argus.store import progress
from argus.store.models import IncidentRow
from argus.zabbix.desired import CORRELATOR
from argus.zabbix.trapper import Trappers

if TYPE_CHECKING:
    from collections.abc import Callable

    from one_node import World

    from argus.store.engine import Store

NOW = 1_800_000_000.0
_COUNTS = (correlator.OPEN, correlator.HIGH, correlator.WARNING, correlator.PENDING)


def incident(severity: Severity, phase: str = "open") -> IncidentRow:
    return IncidentRow(
        rule=f"r{severity.name}{phase}",
        subject="n1",
        phase=phase,
        severity=severity.name,
        summary="",
        evidence={},
        since=NOW,
        seen_at=NOW,
    )


def test_open_incidents_are_counted_by_severity_and_tasks_have_an_age(store: Store) -> None:
    with store.write() as session:
        session.add_all([incident(Severity.HIGH), incident(Severity.WARNING)])
        session.add(incident(Severity.HIGH, "pending"))
        progress.note(session, "correlate", NOW - 11, 1.0)
    with store.read() as session:
        told = reporting.document(session, NOW)
    assert (told[correlator.OPEN.field], told[correlator.HIGH.field], told[correlator.WARNING.field]) == (
        2,
        1,
        1,
    )
    assert told[correlator.PENDING.field] == 1
    assert told["tasks"] == [
        {"task": "correlate", correlator.TASK_SECONDS.field: 1.0, correlator.TASK_AGE.field: 10.0}
    ]


def test_the_list_names_causes_the_newest_first_and_counts_the_rest(store: Store) -> None:
    with store.write() as session:
        for number in range(MOST + 3):
            row = incident(Severity.HIGH)
            row.subject, row.since, row.summary = f"n{number}", NOW + number, "does not answer\n" + "x" * 300
            session.add(row)
        symptom = incident(Severity.WARNING)
        symptom.cause_rule, symptom.cause_subject = "rHIGHopen", "n1"
        symptom.since = NOW + 1000
        session.add(symptom)
    with store.read() as session:
        lines = reporting.document(session, NOW)[correlator.LIST.field].splitlines()
    assert len(lines) == MOST + 2
    assert " HIGH    n22: does not answer xxx" in lines[0]
    assert lines[0].endswith("... (#23)")
    assert {len(line) for line in lines[:MOST]} == {LONGEST}
    assert lines[MOST:] == ["3 more: argus incidents", "1 more that follow from these"]


def test_the_list_tells_who_has_taken_an_incident_up_and_what_is_not_known(store: Store) -> None:
    with store.write() as session:
        row = incident(Severity.WARNING)
        row.label, row.summary, row.held = "db-1", "waits for a CPU", "its node does not report"
        row.acked_at, row.acked_by = NOW, "anna"
        session.add(row)
    with store.read() as session:
        text = reporting.document(session, NOW)[correlator.LIST.field]
    assert text.endswith("db-1: waits for a CPU [its node does not report] (#1, acknowledged by anna)")


def test_the_list_says_the_name_of_a_subject_once(store: Store) -> None:
    with store.write() as session:
        row = incident(Severity.HIGH)
        row.label, row.summary = "cmp-1", "cmp-1 does not report"
        session.add(row)
    with store.read() as session:
        text = reporting.document(session, NOW)[correlator.LIST.field]
    assert text.endswith(" HIGH    cmp-1 does not report (#1)")


def test_no_open_incident_is_said_in_words(store: Store) -> None:
    with store.read() as session:
        assert reporting.document(session, NOW)[correlator.LIST.field] == "No incident is open."


@pytest.mark.parametrize(("queue", "told"), [(lambda: 7, 7), (lambda: None, None), (None, None)])
def test_the_queue_is_told_where_there_is_one_that_can_be_read(
    store: Store, world: World, queue: Callable[[], int | None] | None, told: int | None
) -> None:
    with Trapper(CORRELATOR) as zabbix:
        made = Site(store, world, Policy(), {}, everything(("email:a@b",)), "me", world.clock)
        assert reporting.report(
            dataclasses.replace(
                made, trappers=Trappers(((zabbix.address.host, zabbix.address.port),)), queue=queue
            )
        )
    (value,) = zabbix.requests[0]["data"]
    assert json.loads(value["value"]).get(correlator.QUEUE.field) == told


def test_a_task_that_never_succeeded_is_as_old_as_its_first_run(store: Store) -> None:
    with store.write() as session:
        for ago in (90, 60, 30):
            progress.note(session, "correlate", NOW - ago, 1.0, "no database")
    with store.read() as session:
        (told,) = reporting.document(session, NOW)["tasks"]
    assert told[correlator.TASK_AGE.field] == 90.0


def test_nothing_that_waits_is_an_age_of_zero(store: Store) -> None:
    with store.read() as session:
        assert reporting.document(session, NOW)[correlator.OLDEST.field] == 0
