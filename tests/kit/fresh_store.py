"""An empty, migrated database: a SQLite file, or a schema of its own in a PostgreSQL."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import make_url

from argus.store import schema
from argus.store.engine import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.store.engine import Store


@contextmanager
def fresh_store(folder: Path, postgresql: str | None) -> Iterator[Store]:
    """``postgresql`` is the URL of a database in which schemas may be made."""
    if postgresql is None:
        with migrated(f"sqlite:///{folder}/argus.db") as store:
            yield store
        return
    name = f"test_{uuid.uuid4().hex[:12]}"
    whole = open_store(postgresql)
    try:
        with whole.write() as session:
            session.execute(text(f"CREATE SCHEMA {name}"))
        url = make_url(postgresql).update_query_dict({"options": f"-csearch_path={name}"})
        with migrated(url.render_as_string(hide_password=False)) as store:
            yield store
        with whole.write() as session:
            session.execute(text(f"DROP SCHEMA {name} CASCADE"))
    finally:
        whole.engine.dispose()


@contextmanager
def migrated(url: str) -> Iterator[Store]:
    store = open_store(url)
    try:
        schema.upgrade(store)
        yield store
    finally:
        store.engine.dispose()
