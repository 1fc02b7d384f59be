"""What slow sources told last, and what an incident's subject lives by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("within", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "snapshots",
        sa.Column("source", sa.String(100), primary_key=True),
        sa.Column("payload", sa.JSON),
        sa.Column("at", sa.Double),
        sa.Column("tried_at", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("snapshots")
    with op.batch_alter_table("incidents") as table:
        table.drop_column("within")
