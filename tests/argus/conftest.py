"""What most tests of the correlator's commands and cycles start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_server import Inbox, http_server
from one_node import World

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


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A real HTTP server that keeps what it is sent."""
    with http_server() as made:
        yield made


@pytest.fixture
def world() -> World:
    """What the sources say, in the test's hands."""
    return World()
