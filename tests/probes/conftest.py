"""Recorded answers, and a database for each test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus.store import schema
from argus.store.engine import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from argus.store.engine import Store

FIXTURES = Path(__file__).parents[1] / "fixtures" / "openstack"


@pytest.fixture
def text() -> Callable[[str], str]:
    return lambda name: (FIXTURES / name).read_text()


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    return lambda name: json.loads((FIXTURES / name).read_text())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/argus.db")
    schema.upgrade(made)
    yield made
    made.engine.dispose()
