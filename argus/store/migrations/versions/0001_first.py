"""Incidents, outbox, leases, progress, decisions, fleet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("phase", sa.String(10), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("opened_at", sa.Double),
        sa.Column("clear_since", sa.Double),
        sa.Column("absent_since", sa.Double),
        sa.Column("resolved_at", sa.Double),
        sa.Column("held", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("incidents_resolved_at", "incidents", ["resolved_at"])
    active = sa.text("phase <> 'resolved'")
    op.create_index(
        "one_active_incident_per_key",
        "incidents",
        ["rule", "subject"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("incident_id", BIG, sa.ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("receiver", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("maybe_sent", sa.Boolean, nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("sent_at", sa.Double),
        sa.Column("error", sa.Text, nullable=False),
        sa.UniqueConstraint("incident_id", "receiver", "kind"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_due", "outbox", ["state", "next_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "progress",
        sa.Column("task", sa.String(50), primary_key=True),
        sa.Column("last_run", sa.Double, nullable=False),
        sa.Column("last_success", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("runs", BIG, nullable=False),
        sa.Column("failures", BIG, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("incident_id", BIG, nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("decisions_incident", "decisions", ["incident_id"])
    op.create_index("decisions_at", "decisions", ["at"])
    op.create_table(
        "fleet",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    for table in ("fleet", "decisions", "progress", "leases", "outbox", "incidents"):
        op.drop_table(table)
