"""Causes and symptoms, who was told, and who ran on a node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("label", sa.Text, nullable=False, server_default=""))
        table.add_column(sa.Column("place", sa.String(255), nullable=False, server_default=""))
        table.add_column(sa.Column("cause_rule", sa.String(100), nullable=False, server_default=""))
        table.add_column(sa.Column("cause_subject", sa.String(255), nullable=False, server_default=""))
        table.add_column(sa.Column("orphan_since", sa.Double))
        table.add_column(sa.Column("told_at", sa.Double))
    # until now, every incident that opened was told
    op.execute("UPDATE incidents SET told_at = opened_at WHERE opened_at IS NOT NULL")
    op.create_index("placements_node", "placements", ["node"])


def downgrade() -> None:
    op.drop_index("placements_node", "placements")
    with op.batch_alter_table("incidents") as table:
        for column in ("told_at", "orphan_since", "cause_subject", "cause_rule", "place", "label"):
            table.drop_column(column)
