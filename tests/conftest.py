"""Options of all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How fast examples come is the machine's matter: a busy one fails no test.
settings.register_profile("argus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("argus")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew; look at the difference after"
    )
