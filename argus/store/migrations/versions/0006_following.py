"""Flapping, problems in Zabbix, several messages of a kind, silences that follow a maintenance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UNNAMED = {"uq": "outbox_incident_id_receiver_kind_key"}  # as PostgreSQL calls it; SQLite needs a convention


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("flaps", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("events", sa.JSON, nullable=False, server_default="[]"))
    with op.batch_alter_table("outbox", naming_convention=UNNAMED) as table:
        table.add_column(sa.Column("seq", sa.Integer, nullable=False, server_default="0"))
        table.drop_constraint("outbox_incident_id_receiver_kind_key", type_="unique")
        table.create_unique_constraint("one_message_of_a_kind", ["incident_id", "receiver", "kind", "seq"])
    with op.batch_alter_table("silences") as table:
        table.add_column(sa.Column("source", sa.String(255), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("silences") as table:
        table.drop_column("source")
    op.execute("DELETE FROM outbox WHERE seq > 0")
    with op.batch_alter_table("outbox") as table:
        table.drop_constraint("one_message_of_a_kind", type_="unique")
        table.create_unique_constraint(
            "outbox_incident_id_receiver_kind_key", ["incident_id", "receiver", "kind"]
        )
        table.drop_column("seq")
    with op.batch_alter_table("incidents") as table:
        table.drop_column("events")
        table.drop_column("flaps")
