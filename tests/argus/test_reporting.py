"""What the correlator tells Zabbix about itself is what its database holds."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from trapper import Trapper

from argus import reporting
from argus.catalogue import correlator
from argus.catalogue.model import Severity
from argus.correlator.thresholds import Policy
from argus.reporting_incidents import LONGEST, MOST
from argus.routing.tree import everything
from argus.site import Site
from argus.store import progress, pulses
from argus.store.models import IncidentRow, OutboxRow
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
        told = reporting.document(session, NOW, {"correlate": 300.0})
    assert (told[correlator.OPEN.field], told[correlator.HIGH.field], told[correlator.WARNING.field]) == (
        2,
        1,
        1,
    )
    assert told[correlator.PENDING.field] == 1
    assert told["tasks"] == [
        {
            "task": "correlate",
            correlator.TASK_SECONDS.field: 1.0,
            correlator.TASK_MAY_AGE.field: 300.0,
            correlator.TASK_AGE.field: 10.0,
        }
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
        (told,) = reporting.document(session, NOW, {"correlate": 300.0})["tasks"]
    assert told[correlator.TASK_AGE.field] == 90.0


def ages(
    store: Store, may_age: dict[str, float], begun: float = 0.0
) -> dict[str, tuple[float | None, float]]:
    with store.read() as session:
        tasks = reporting.document(session, NOW, may_age, begun)["tasks"]
    age, limit = correlator.TASK_AGE.field, correlator.TASK_MAY_AGE.field
    return {each["task"]: (each.get(age), each[limit]) for each in tasks if limit in each}


def test_a_job_that_was_taken_out_of_the_configuration_has_no_age(store: Store) -> None:
    with store.write() as session:
        for task in ("capacity", "a_job_of_another_version"):
            progress.note(session, task, NOW - 90_000, 1.0)
    assert ages(store, {"capacity": 0.0}) == {
        "capacity": (None, 0.0),
        "a_job_of_another_version": (None, 0.0),
    }


def test_what_was_missed_while_nothing_ran_makes_no_job_late(store: Store) -> None:
    with store.write() as session:
        progress.note(session, "correlate", NOW - 4000, 1.0)
        progress.note(session, "report", NOW - 30, 1.0)
        assert progress.begun(session, "report", NOW, 120.0) == NOW
        assert progress.begun(session, "report", NOW + 60, 120.0) == NOW
        assert progress.begun(session, "report", NOW + 400, 120.0) == NOW + 400, "a gap"
        assert progress.begun(session, "report", NOW - 900, 120.0) == NOW - 900, "the clock was set back"
    assert ages(store, {"correlate": 300.0}, begun=NOW - 20)["correlate"] == (20.0, 300.0)


def test_the_report_itself_has_no_age_in_zabbix(store: Store) -> None:
    with store.write() as session:
        progress.note(session, "report", NOW - 4000, 1.0)
    assert ages(store, {"report": 300.0}) == {}, "what arrives proves that it succeeds"


def test_what_reads_zabbix_is_not_late_while_zabbix_is_away_and_after(store: Store) -> None:
    with store.write() as session:
        progress.note(session, "guests", NOW - 4000, 1.0)
        progress.note(session, "correlate", NOW - 4000, 1.0)
        pulses.follow(session, 1.0, 45.0, NOW - 4000)
        pulses.follow(session, None, 45.0, NOW - 3000)
    limits = {"guests": 900.0, "correlate": 300.0}
    assert ages(store, limits) == {"guests": (None, 900.0), "correlate": (3999.0, 300.0)}
    with store.write() as session:
        pulses.follow(session, 2.0, 45.0, NOW - 10)
    assert ages(store, limits)["guests"] == (10.0, 900.0)


def message(store: Store, created: float, due: float, state: str = "pending", **more: Any) -> None:
    with store.write() as session:
        row = incident(Severity.HIGH)
        row.subject = f"n{session.query(IncidentRow).count()}"
        session.add(row)
        session.flush()
        session.add(
            OutboxRow(
                incident_id=row.id,
                receiver="email:a@b",
                kind="open",
                state=state,
                payload={},
                created_at=created,
                next_at=due,
                **more,
            )
        )


def waiting(store: Store) -> tuple[int, float]:
    with store.read() as session:
        told = reporting.document(session, NOW)
    return told[correlator.WAITING.field], told[correlator.OLDEST.field]


def test_what_is_silenced_escalated_or_muted_is_not_undelivered(store: Store) -> None:
    message(store, NOW - 3600, NOW + 3600, silence_id=1)
    message(store, NOW - 3600, NOW - 1, silence_id=1)
    message(store, NOW - 3600, NOW + 900, step=2)
    message(store, NOW - 3600, NOW - 60, "dropped")
    assert waiting(store) == (0, 0.0)
    message(store, NOW - 3600, NOW - 20, step=1)
    assert waiting(store) == (1, 20.0), "an escalation has waited since its time came"


def test_what_is_tried_again_has_waited_since_it_was_due(store: Store) -> None:
    message(store, NOW - 700, NOW + 50, attempts=8)
    assert waiting(store) == (1, 489.0), "539 s is what eight attempts wait for at most"
    message(store, NOW - 600, NOW - 600, "leased", attempts=9)
    assert waiting(store) == (2, 600.0)
    message(store, NOW - 9000, NOW + 200, attempts=20)
    assert waiting(store) == (3, 3939.0)


def test_nothing_that_waits_is_an_age_of_zero(store: Store) -> None:
    with store.read() as session:
        assert reporting.document(session, NOW)[correlator.OLDEST.field] == 0
