"""Guests, and where they ran when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "guests",
        sa.Column("uuid", sa.String(128), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("node", sa.String(128), nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("flavor", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("gone_since", sa.Double),
        sa.Column("disabled_at", sa.Double),
        sa.Column("tried_at", sa.Double, nullable=False),
    )
    op.create_table(
        "placements",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("guest", sa.String(128), nullable=False),
        sa.Column("node", sa.String(128), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
    )
    op.create_index("placements_guest", "placements", ["guest", "since"])
    op.create_index("placements_until", "placements", ["until"])


def downgrade() -> None:
    op.drop_table("placements")
    op.drop_table("guests")
