"""Messages folded into a digest, receivers that are probed, silences that recur each week."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("digest_id", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
    op.create_index("outbox_sent", "outbox", ["receiver", "sent_at"])
    op.create_index("outbox_digest", "outbox", ["digest_id"])
    with op.batch_alter_table("receivers") as table:
        table.add_column(sa.Column("probed_at", sa.Double))
        table.add_column(sa.Column("bad_since", sa.Double))
        table.add_column(sa.Column("probe_error", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("silences") as table:
        table.add_column(sa.Column("weekly", sa.JSON))


def downgrade() -> None:
    with op.batch_alter_table("silences") as table:
        table.drop_column("weekly")
    with op.batch_alter_table("receivers") as table:
        table.drop_column("probe_error")
        table.drop_column("bad_since")
        table.drop_column("probed_at")
    op.drop_index("outbox_digest", "outbox")
    op.drop_index("outbox_sent", "outbox")
    with op.batch_alter_table("outbox") as table:
        table.drop_column("digest_id")
