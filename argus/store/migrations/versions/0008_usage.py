"""History of use by day, for forecasts of capacity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("fleet", sa.String(128), primary_key=True),
        sa.Column("scope", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(128), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("capacity", sa.Double, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("usage")
