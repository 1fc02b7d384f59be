"""Options of all tests."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, settings

# How fast examples come is the machine's matter: a busy one fails no test.
settings.register_profile("argus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("argus")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew; look at the difference after"
    )


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker; ./lab/test installs it, `fast` on a bare machine does without."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not here: apt install prometheus")
    return found
