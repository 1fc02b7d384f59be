"""A database of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus.store import schema
from argus.store.engine import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.store.engine import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A migrated SQLite file."""
    made = open_store(f"sqlite:///{tmp_path}/argus.db")
    schema.upgrade(made)
    yield made
    made.engine.dispose()
