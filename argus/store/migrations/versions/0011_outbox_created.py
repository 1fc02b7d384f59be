"""An index on when a message was written: the auditor begins at what is recent."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("outbox_created", "outbox", ["created_at"])


def downgrade() -> None:
    op.drop_index("outbox_created", "outbox")
