"""The tables are those of the models, and made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from argus.store import schema
from argus.store.engine import StoreError, open_store
from argus.store.models import Base, IncidentRow, OutboxRow

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from argus.store.engine import Store


def test_migrations_lead_to_the_models(store: Store) -> None:
    with store.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_a_second_upgrade_changes_nothing(store: Store) -> None:
    before, after = schema.upgrade(store)
    assert before == after
    schema.check(store)


def test_messages_and_incidents_survive_every_step_down_and_up_again(store: Store) -> None:
    with store.write() as session:
        number = incident(session)
        outbox(session, number)
    revisions = [script.revision for script in schema.revisions()]
    for to in revisions[1:]:
        schema.downgrade(store, to)
        assert counts(store) == (1, 1), f"at {to}"
    schema.upgrade(store)
    assert counts(store) == (1, 1)
    with store.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def incident(session: Session) -> int:
    usual = {"rule": "r", "subject": "s", "severity": "HIGH", "summary": "", "evidence": {}, "held": ""}
    row = IncidentRow(phase="open", since=1.0, seen_at=1.0, opened_at=1.0, told_at=1.0, **usual)
    session.add(row)
    session.flush()
    return row.id


def outbox(session: Session, number: int) -> None:
    times = {"created_at": 1.0, "next_at": 1.0}
    session.add(
        OutboxRow(incident_id=number, receiver="email:a@b", kind="open", state="sent", payload={}, **times)
    )


def counts(store: Store) -> tuple[int, int]:
    with store.read() as session:
        found = [session.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("incidents", "outbox")]
    return found[0], found[1]


def test_an_empty_database_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run argus db upgrade"):
        schema.check(open_store(f"sqlite:///{tmp_path}/empty.db"))


def test_a_database_of_a_newer_argus_is_not_touched(store: Store) -> None:
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer argus"):
        schema.check(store)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("postgresql+psycopg://argus:hunter2@127.0.0.1:9/argus", "refused", id="nobody listens"),
        pytest.param("sqlite:////nowhere/at/all/argus.db", "unable to open", id="no such directory"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        schema.check(open_store(url))
    assert "hunter2" not in str(caught.value)
    assert "[database] url" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "not a url hunter2", "mysql://a:hunter2@b/c", "oracle://x", "postgresql://:@:x/"]
)
def test_an_url_that_cannot_work_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StoreError, match="postgresql\\+psycopg://") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_incidents_that_were_open_before_causes_were_known_count_as_told(tmp_path: Path) -> None:
    made = open_store(f"sqlite:///{tmp_path}/old.db")
    schema.upgrade(made, "0002")
    old = (
        "INSERT INTO incidents (uid, rule, subject, phase, severity, summary, evidence, since, seen_at, held,"
        " opened_at) VALUES ('u', 'r', 's', 'open', 'HIGH', '', '{}', 1, 1, '', 5)"
    )
    with made.write() as session:
        session.execute(text(old))
    schema.upgrade(made)
    with made.read() as session:
        assert session.execute(text("SELECT told_at, cause_rule FROM incidents")).one() == (5, "")
    made.engine.dispose()
