"""When an acknowledged incident was taken up again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("taken_up_at", sa.Double))


def downgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.drop_column("taken_up_at")
