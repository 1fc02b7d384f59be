"""Options of all tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from fresh_store import fresh_store
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.store.engine import Store

# How fast examples come is the machine's matter: a busy one fails no test.
settings.register_profile("argus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("argus")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew; look at the difference after"
    )
    parser.addoption("--postgresql", metavar="URL", help="run tests of the store in this database")


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A migrated database of the test's own."""
    with fresh_store(tmp_path, request.config.getoption("--postgresql")) as made:
        yield made


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker; ./lab/test installs it, `fast` on a bare machine does without."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not here: apt install prometheus")
    return found
