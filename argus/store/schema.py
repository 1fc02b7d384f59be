"""The schema of the database: made and changed by alembic, from the code of this package."""

from __future__ import annotations

from pkgutil import iter_modules
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select

from argus.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.config import Config
    from alembic.script import Script
    from sqlalchemy import Connection

    from argus.store.engine import Store

MIGRATIONS = "argus.store:migrations"
# alembic's own table; it is asked without alembic, which takes longer to load than a command may take
APPLIED = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def upgrade(store: Store, to: str = "head") -> tuple[str, str]:
    """Bring the schema to a revision, the newest; returns the revision before (empty: none) and after.

    Raises ``StoreError`` when the database cannot be used.
    """
    from alembic import command  # noqa: PLC0415  # only who changes tables pays for it

    return _move(store, to, command.upgrade)


def downgrade(store: Store, to: str) -> tuple[str, str]:
    """Bring the schema back to an older revision, for an older argus; what only newer ones know is lost.

    Raises ``StoreError`` when the database cannot be used.
    """
    from alembic import command  # noqa: PLC0415  # as above

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
    wanted = newest()
    if not current:
        raise StoreError(f"the database {store.address} has no tables yet: run argus db upgrade")
    if current == wanted:
        return
    known = {script.revision for script in revisions()}
    todo = "run argus db upgrade" if current in known else "it was made by a newer argus: install that one"
    raise StoreError(f"the database {store.address} is at revision {current}, not {wanted}: {todo}")


def revisions() -> list[Script]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    return list(ScriptDirectory.from_config(_config()).walk_revisions())


def newest() -> str:
    """Return the newest revision, by the names of their files: a number, and what it is about."""
    from argus.store.migrations import versions  # noqa: PLC0415  # only who asks for it

    return max(each.name.partition("_")[0] for each in iter_modules(versions.__path__))


def _current(connection: Connection) -> str:
    if not inspect(connection).has_table(APPLIED.name):
        return ""
    return connection.scalar(select(APPLIED.c.version_num)) or ""


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return config
