"""When a task first ran: what never succeeded is as old as that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("progress") as table:
        table.add_column(sa.Column("first_run", sa.Double))


def downgrade() -> None:
    with op.batch_alter_table("progress") as table:
        table.drop_column("first_run")
