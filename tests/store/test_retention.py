"""What is old is deleted, of every table; what is open or in use stays however old it is."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from argus.store import retention
from argus.store.models import (
    AuditRow,
    Base,
    DecisionRow,
    IncidentRow,
    LeaseRow,
    OutboxRow,
    PlacementRow,
    ProgressRow,
    ReceiverRow,
    SilenceRow,
    SnapshotRow,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.store.engine import Store

OLD, LIMIT, NEW = 100.0, 500.0, 900.0


def incident(**columns: Any) -> IncidentRow:
    usual = {"rule": "r", "severity": "HIGH", "summary": "", "evidence": {}, "since": OLD, "seen_at": OLD}
    return IncidentRow(**usual, uid=uuid.uuid4().hex, held="", **columns)


def message(number: int, **columns: Any) -> OutboxRow:
    usual = {"receiver": "email:a@b", "kind": "open", "payload": {}, "created_at": OLD, "next_at": OLD}
    return OutboxRow(incident_id=number, **usual, **columns)


def receiver(target: str, **columns: Any) -> ReceiverRow:
    return ReceiverRow(target=target, failures=0, rest_until=0.0, sent=0, failed=0, error="", **columns)


def silence(until: float | None) -> SilenceRow:
    return SilenceRow(matchers=[], starts_at=OLD, until=until, author="ann", comment="")


def decision(number: int) -> DecisionRow:
    return DecisionRow(at=OLD, incident_id=number, rule="r", subject="n", what="opened", detail="")


def pruned(store: Store) -> int:
    with store.write() as session:
        return retention.prune(session, LIMIT)


def left(store: Store, column: Any) -> set[Any]:
    with store.read() as session:
        return set(session.scalars(select(column)))


def fill(session: Session, *rows: Base) -> None:
    for row in rows:
        session.add(row)
        session.flush()


def test_incidents_that_are_over_go_with_their_messages_and_their_reasons(store: Store) -> None:
    with store.write() as session:
        over = incident(subject="over", phase="resolved", resolved_at=OLD)
        lately = incident(subject="lately", phase="resolved", resolved_at=NEW)
        stands = incident(subject="stands", phase="open")
        fill(session, over, lately, stands)
        for row in (over, lately, stands):
            fill(session, message(row.id, state="sent"), decision(row.id))
    assert pruned(store) == 2
    assert left(store, IncidentRow.subject) == {"lately", "stands"}
    assert len(left(store, OutboxRow.id)) == len(left(store, DecisionRow.id)) == 2


def test_silences_that_are_over_go_but_not_one_that_holds_a_message_back(store: Store) -> None:
    with store.write() as session:
        over, holds, endless, later = silence(OLD), silence(OLD), silence(None), silence(NEW)
        row = incident(subject="n", phase="open")
        fill(session, over, holds, endless, later, row)
        fill(session, message(row.id, state="pending", silence_id=holds.id))
        kept = {holds.id, endless.id, later.id}
    assert pruned(store) == 1
    assert left(store, SilenceRow.id) == kept


def test_what_nobody_has_used_since_goes_from_every_other_table(store: Store) -> None:
    with store.write() as session:
        fill(
            session,
            receiver("email:old@b", accepted_at=OLD, probed_at=OLD),
            receiver("email:new@b", accepted_at=OLD, probed_at=NEW),
            SnapshotRow(source="openstack:old", tried_at=OLD),
            SnapshotRow(source="openstack:new", tried_at=NEW),
            LeaseRow(name="read openstack:old", until=OLD),
            LeaseRow(name="read openstack:new", until=OLD),
            LeaseRow(name="correlate", until=OLD),
            ProgressRow(task="old", last_run=OLD),
            ProgressRow(task="new", last_run=NEW),
            AuditRow(invariant="old", violations=0, detail="", at=OLD),
            AuditRow(invariant="new", violations=0, detail="", at=NEW),
            PlacementRow(guest="g1", node="n", since=OLD, until=OLD),
            PlacementRow(guest="g2", node="n", since=OLD, until=None),
        )
    assert pruned(store) == 6
    assert left(store, ReceiverRow.target) == {"email:new@b"}
    assert left(store, SnapshotRow.source) == {"openstack:new"}
    assert left(store, LeaseRow.name) == {"read openstack:new", "correlate"}
    assert left(store, ProgressRow.task) == {"new"}
    assert left(store, AuditRow.invariant) == {"new"}
    assert left(store, PlacementRow.guest) == {"g2"}


# Replaced each cycle; kept with Zabbix' hosts; kept by the forecast; forgotten once the clock is right.
BOUNDED = {"fleet", "guests", "usage", "node_clocks"}


def test_every_table_has_its_line(store: Store) -> None:
    known = {key.class_.__tablename__ for key, _ in retention.rows_that_are_old(LIMIT)}
    assert known | BOUNDED | {"outbox"} == set(Base.metadata.tables)
    with store.read() as session:  # a message goes with its incident, by the database itself
        assert session.scalar(select(func.count()).select_from(OutboxRow)) == 0


def test_sqlite_counts_its_rows_so_that_it_chooses_the_right_index(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        return
    with store.write() as session:
        for number in range(500):
            session.add(incident(subject=f"n{number}", phase="resolved", resolved_at=NEW))
    store.optimize()
    with store.read() as session:
        assert session.scalar(text("SELECT count(*) FROM sqlite_stat1")) > 0
