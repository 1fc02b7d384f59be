"""When escalations are due after the first delivery, and since when a silence until resolved has matched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("after", sa.Double, nullable=False, server_default="0"))
    op.add_column("silences", sa.Column("matched_at", sa.Double))


def downgrade() -> None:
    op.drop_column("silences", "matched_at")
    op.drop_column("outbox", "after")
