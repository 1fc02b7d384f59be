"""The schema of the database: made and changed by alembic, from the code of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from argus.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from argus.store.engine import Store

MIGRATIONS = "argus.store:migrations"


def upgrade(store: Store, to: str = "head") -> tuple[str, str]:
    """Bring the schema to a revision, the newest; returns the revision before (empty: none) and after.

    Raises ``StoreError`` when the database cannot be used.
    """
    return _move(store, to, command.upgrade)


def downgrade(store: Store, to: str) -> tuple[str, str]:
    """Bring the schema back to an older revision, for an older argus; what only newer ones know is lost.

    Raises ``StoreError`` when the database cannot be used.
    """
    return _move(store, to, command.downgrade)


def _move(store: Store, to: str, how: Callable[[Config, str], None]) -> tuple[str, str]:
    with store.migrate() as session:  # one transaction: what fails leaves nothing behind
        connection = session.connection()
        before = _current(connection)
        config = _config()
        config.attributes["connection"] = connection
        how(config, to)
        return before, _current(connection)


def check(store: Store) -> None:
    """Raise ``StoreError`` unless the schema is the one that this version works with."""
    with store.read() as session:
        current = _current(session.connection())
    newest = _newest()
    if not current:
        raise StoreError(f"the database {store.address} has no tables yet: run argus db upgrade")
    if current == newest:
        return
    known = {script.revision for script in revisions()}
    todo = "run argus db upgrade" if current in known else "it was made by a newer argus: install that one"
    raise StoreError(f"the database {store.address} is at revision {current}, not {newest}: {todo}")


def revisions() -> list[Script]:
    """Return all revisions, the newest first."""
    return list(ScriptDirectory.from_config(_config()).walk_revisions())


def _newest() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return config
