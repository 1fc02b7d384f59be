"""What most tests of the correlator's commands and cycles start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_server import Inbox, http_server
from one_node import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A real HTTP server that keeps what it is sent."""
    with http_server() as made:
        yield made


@pytest.fixture
def world() -> World:
    """What the sources say, in the test's hands."""
    return World()
