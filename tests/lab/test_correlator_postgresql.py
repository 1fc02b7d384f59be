"""What the store, delivery, digests and silences promise on SQLite, they promise on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stack.components.argus_setup import database_url
from stack.components.postgres import Postgres
from stack.lab import TOP
from stack.lab import Lab as Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.own]

TESTS = (
    *(f"tests/store/test_{name}.py" for name in ("guests", "leases", "news", "outbox", "topology")),
    *(f"tests/argus/test_{name}.py" for name in ("asking", "cycle", "delivery_limits", "exporter")),
    *(f"tests/argus/test_{name}.py" for name in ("maintenance", "routing_delivery", "silencing", "watching")),
)


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that nobody else uses."""
    stack = Stack.open(TOP / "lab" / "run" / "spare-sql")
    stack.prepare()
    server = Postgres()
    try:
        server.start(stack)
        yield database_url(stack)
    finally:
        server.stop(stack)


def test_the_tests_of_the_store_hold_on_postgresql_too(postgresql: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--postgresql={postgresql}"]
    done = subprocess.run(
        [*command, *TESTS], cwd=TOP, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]
