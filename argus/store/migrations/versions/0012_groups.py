"""Who belongs together, for how many an incident spoke, and which nodes' clocks are off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("group_name", sa.String(255), nullable=False, server_default=""))
    op.add_column("incidents", sa.Column("size", sa.Integer))
    op.create_table(
        "node_clocks",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("heard", sa.Double, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("node_clocks")
    with op.batch_alter_table("incidents") as table:
        table.drop_column("size")
        table.drop_column("group_name")
