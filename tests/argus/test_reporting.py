"""What the correlator tells Zabbix about itself is what its database holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus import reporting
from argus.catalogue import correlator
from argus.catalogue.model import Severity
from argus.store import progress
from argus.store.models import IncidentRow

if TYPE_CHECKING:
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


def test_nothing_that_waits_is_an_age_of_zero(store: Store) -> None:
    with store.read() as session:
        assert reporting.document(session, NOW)[correlator.OLDEST.field] == 0
