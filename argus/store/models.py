"""The tables.  SQL is the only truth: whatever Celery or a process forgets, these rows know.

Times are seconds since the epoch as floating point numbers, the same in PostgreSQL and SQLite.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from argus.foreign_text import LONGEST_NAME, bounded, storable

BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys by itself
NEVER_REUSED = {"sqlite_autoincrement": True}  # an id in the decision log means one incident for ever
NOT_RESOLVED = text("phase <> 'resolved'")


class Text(TypeDecorator[str]):
    """Text of any program: what no database takes (NUL, half a surrogate) is replaced, line breaks stay."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:
        return None if value is None else storable(value)


class Name(TypeDecorator[str]):
    """What identifies something, of at most ``length`` characters; a longer one ends in a digest."""

    impl = String
    cache_ok = True

    def __init__(self, length: int = LONGEST_NAME) -> None:
        super().__init__(length)
        self._longest = length

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:
        return None if value is None else bounded(storable(value), self._longest)


class Base(DeclarativeBase):
    """What alembic compares the database with."""


class IncidentRow(Base):
    """One incident; at most one that is not resolved for a rule and subject."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "one_active_incident_per_key",
            "rule",
            "subject",
            unique=True,
            sqlite_where=NOT_RESOLVED,
            postgresql_where=NOT_RESOLVED,
        ),
        Index("incidents_resolved_at", "resolved_at"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True, default=lambda: uuid.uuid4().hex)
    rule: Mapped[str] = mapped_column(Name(100))
    subject: Mapped[str] = mapped_column(Name(255))
    phase: Mapped[str] = mapped_column(String(10))
    severity: Mapped[str] = mapped_column(String(10))
    summary: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, str]] = mapped_column(JSON)
    since: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double)
    opened_at: Mapped[float | None] = mapped_column(Double)
    clear_since: Mapped[float | None] = mapped_column(Double)
    absent_since: Mapped[float | None] = mapped_column(Double)
    label: Mapped[str] = mapped_column(Text, default="", server_default="")
    place: Mapped[str] = mapped_column(Name(255), default="", server_default="")
    within: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    cause_rule: Mapped[str] = mapped_column(Name(100), default="", server_default="")
    cause_subject: Mapped[str] = mapped_column(Name(255), default="", server_default="")
    orphan_since: Mapped[float | None] = mapped_column(Double)
    told_at: Mapped[float | None] = mapped_column(Double)
    flaps: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    events: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    group_name: Mapped[str] = mapped_column(Name(255), default="", server_default="")
    size: Mapped[int | None] = mapped_column(Integer)
    acked_at: Mapped[float | None] = mapped_column(Double)
    acked_by: Mapped[str] = mapped_column(Text, default="", server_default="")
    taken_up_at: Mapped[float | None] = mapped_column(Double)  # an acknowledgement before it counts no more
    resolved_at: Mapped[float | None] = mapped_column(Double)
    held: Mapped[str] = mapped_column(Text, default="")


class OutboxRow(Base):
    """One message to one receiver; written in the transaction that opens or resolves the incident.

    ``payload`` is the whole message, frozen, so that a second attempt sends the same bytes.  ``fence`` grows
    with each lease: whoever comes back late with an older one changes nothing.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("incident_id", "receiver", "kind", "seq", name="one_message_of_a_kind"),
        Index("outbox_due", "state", "next_at"),
        Index("outbox_sent", "receiver", "sent_at"),
        Index("outbox_created", "created_at"),
        Index("outbox_digest", "digest_id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    receiver: Mapped[str] = mapped_column(Name(255))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[float] = mapped_column(Double)
    next_at: Mapped[float] = mapped_column(Double)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    maybe_sent: Mapped[bool] = mapped_column(default=False)
    fence: Mapped[int] = mapped_column(BIG, default=0)
    owner: Mapped[str] = mapped_column(Name(100), default="")
    lease_until: Mapped[float] = mapped_column(Double, default=0.0)
    sent_at: Mapped[float | None] = mapped_column(Double)
    error: Mapped[str] = mapped_column(Text, default="")
    step: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    after: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")  # the first delivery, in s
    seq: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    silence_id: Mapped[int | None] = mapped_column(BIG)
    digest_id: Mapped[int | None] = mapped_column(BIG)  # the message that carries this one


class SilenceRow(Base):
    """What is not told until ``until``; without one, until what it holds back is resolved.

    ``source`` is set on one that follows a maintenance elsewhere (``zabbix:cmp1``) and ends with it.
    ``weekly`` are the windows in which it holds, where it does not hold all the time.
    ``matched_at`` is when one that lasts until they are resolved first held open incidents back.
    """

    __tablename__ = "silences"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    matchers: Mapped[list[str]] = mapped_column(JSON)
    starts_at: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)
    author: Mapped[str] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Name(255), default="", server_default="")
    weekly: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    matched_at: Mapped[float | None] = mapped_column(Double)


class ReceiverRow(Base):
    """How one target (``kind:address``) fares; ``failures`` are those in a row.

    ``probe_error`` is what it answered last when it was asked whether it would take a message, empty for
    well; ``bad_since`` is when it began to fail, by probe or message.
    """

    __tablename__ = "receivers"

    target: Mapped[str] = mapped_column(Name(255), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    failed_at: Mapped[float | None] = mapped_column(Double)
    accepted_at: Mapped[float | None] = mapped_column(Double)
    rest_until: Mapped[float] = mapped_column(Double)
    sent: Mapped[int] = mapped_column(BIG)
    failed: Mapped[int] = mapped_column(BIG)
    error: Mapped[str] = mapped_column(Text)
    probed_at: Mapped[float | None] = mapped_column(Double)
    bad_since: Mapped[float | None] = mapped_column(Double)
    probe_error: Mapped[str] = mapped_column(Text, default="", server_default="")


class AuditRow(Base):
    """What the auditor found last about one invariant of delivery."""

    __tablename__ = "audits"

    invariant: Mapped[str] = mapped_column(Name(50), primary_key=True)
    violations: Mapped[int] = mapped_column(Integer)
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double)


class LeaseRow(Base):
    """Who may do a thing that only one may do at a time."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(Name(50), primary_key=True)
    owner: Mapped[str] = mapped_column(Name(100), default="")
    fence: Mapped[int] = mapped_column(BIG, default=0)
    until: Mapped[float] = mapped_column(Double, default=0.0)


class ProgressRow(Base):
    """When a task last ran and last did what it is for: a worker that is up but idle shows here."""

    __tablename__ = "progress"

    task: Mapped[str] = mapped_column(Name(50), primary_key=True)
    first_run: Mapped[float | None] = mapped_column(Double)
    last_run: Mapped[float] = mapped_column(Double)
    last_success: Mapped[float | None] = mapped_column(Double)
    seconds: Mapped[float] = mapped_column(Double, default=0.0)
    runs: Mapped[int] = mapped_column(BIG, default=0)
    failures: Mapped[int] = mapped_column(BIG, default=0)
    error: Mapped[str] = mapped_column(Text, default="")


class DecisionRow(Base):
    """One line of why: what was decided or done about an incident.  Only ever appended to."""

    __tablename__ = "decisions"
    __table_args__ = (Index("decisions_incident", "incident_id"), Index("decisions_at", "at"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    at: Mapped[float] = mapped_column(Double)
    incident_id: Mapped[int] = mapped_column(BIG)
    rule: Mapped[str] = mapped_column(Name(100))
    subject: Mapped[str] = mapped_column(Name(255))
    what: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text)


class FleetRow(Base):
    """The newest sum over the fleet by name."""

    __tablename__ = "fleet"

    name: Mapped[str] = mapped_column(Name(100), primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    at: Mapped[float] = mapped_column(Double)


class GuestRow(Base):
    """What is remembered of a guest after its host in Zabbix has gone silent, or is gone.

    ``disabled_at`` is set when Argus disabled the host, and only then: what a person disabled stays theirs.
    """

    __tablename__ = "guests"

    uuid: Mapped[str] = mapped_column(Name(128), primary_key=True)
    name: Mapped[str] = mapped_column(Text, default="")
    node: Mapped[str] = mapped_column(Name(128), default="")
    project: Mapped[str] = mapped_column(Text, default="")
    flavor: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[float] = mapped_column(Double, default=0.0)
    gone_since: Mapped[float | None] = mapped_column(Double)
    disabled_at: Mapped[float | None] = mapped_column(Double)
    tried_at: Mapped[float] = mapped_column(Double, default=0.0)


class SnapshotRow(Base):
    """What a slow source told last, for cycles that must not wait for it.

    ``payload`` is what its reader made of it at ``at``; ``error`` is why the last try at ``tried_at`` failed.
    """

    __tablename__ = "snapshots"

    source: Mapped[str] = mapped_column(Name(100), primary_key=True)
    payload: Mapped[Any] = mapped_column(JSON, nullable=True)
    at: Mapped[float | None] = mapped_column(Double)
    tried_at: Mapped[float] = mapped_column(Double)
    error: Mapped[str] = mapped_column(Text, default="")


class ClockRow(Base):
    """A node whose clock is off: ``argus.correlator.clocks.Clock``."""

    __tablename__ = "node_clocks"

    host: Mapped[str] = mapped_column(Name(255), primary_key=True)
    at: Mapped[float] = mapped_column(Double)
    seen: Mapped[float] = mapped_column(Double)
    heard: Mapped[float] = mapped_column(Double)


class PlacementRow(Base):
    """Which node ran a guest, from when to when; the last one has no end."""

    __tablename__ = "placements"
    __table_args__ = (
        Index("placements_guest", "guest", "since"),
        Index("placements_node", "node"),
        Index("placements_until", "until"),
    )

    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    guest: Mapped[str] = mapped_column(Name(128))
    node: Mapped[str] = mapped_column(Name(128))
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)


class UsageRow(Base):
    """The most that was in use on one day (number of the day, UTC), in the units of its resource class."""

    __tablename__ = "usage"

    fleet: Mapped[str] = mapped_column(Name(128), primary_key=True)
    scope: Mapped[str] = mapped_column(Name(255), primary_key=True)
    kind: Mapped[str] = mapped_column(Name(128), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True)
    used: Mapped[float] = mapped_column(Double)
    capacity: Mapped[float] = mapped_column(Double)
