"""What alembic runs: on the connection that argus.store.schema hands over, and only on that."""

from __future__ import annotations

from alembic import context

from argus.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
)
context.run_migrations()
