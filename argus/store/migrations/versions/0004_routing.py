"""Silences, acknowledgements, escalation steps, health of receivers, findings of the auditor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("acked_at", sa.Double))
        table.add_column(sa.Column("acked_by", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("step", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("silence_id", BIG))
    op.create_table(
        "silences",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("matchers", sa.JSON, nullable=False),
        sa.Column("starts_at", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "receivers",
        sa.Column("target", sa.String(255), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.Double),
        sa.Column("accepted_at", sa.Double),
        sa.Column("rest_until", sa.Double, nullable=False),
        sa.Column("sent", BIG, nullable=False),
        sa.Column("failed", BIG, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_table(
        "audits",
        sa.Column("invariant", sa.String(50), primary_key=True),
        sa.Column("violations", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    for table in ("audits", "receivers", "silences"):
        op.drop_table(table)
    with op.batch_alter_table("outbox") as table:
        table.drop_column("silence_id")
        table.drop_column("step")
    with op.batch_alter_table("incidents") as table:
        table.drop_column("acked_by")
        table.drop_column("acked_at")
