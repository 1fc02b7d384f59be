"""Things that hang when asked: each costs itself, and threads are bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from argus_agent.askers import Askers

PATIENCE = 0.5


class Servers:
    """Things that answer, fail, or hang until they are released."""

    def __init__(self) -> None:
        self.hanging = {name: threading.Event() for name in ("nfs1", "nfs2")}
        self.asked: list[str] = []
        self.now = 100.0

    def ask(self, name: str) -> int:
        self.asked.append(name)
        if name in self.hanging:
            self.hanging[name].wait(30)
        if name == "broken":
            raise OSError(5, "I/O error")
        return len(name)


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    for event in made.hanging.values():
        event.set()


def test_what_hangs_costs_itself_and_is_not_asked_twice(servers: Servers) -> None:
    askers = Askers("test", servers.ask, lambda: servers.now, 4)
    askers.ask(["nfs1", "/", "broken"], PATIENCE)
    assert askers.answers["/"] == 1
    assert isinstance(askers.answers["broken"], OSError)
    assert askers.waits("nfs1") == 0.0
    servers.now += 60
    askers.ask(["nfs1", "/", "broken"], PATIENCE)
    assert askers.waits("nfs1") == 60.0
    assert servers.asked.count("nfs1") == 1
    assert servers.asked.count("/") == 2
    assert len(askers._workers) == 2


def test_what_answers_again_is_asked_again(servers: Servers) -> None:
    askers = Askers("test", servers.ask, lambda: servers.now, 4)
    askers.ask(["nfs1"], PATIENCE)
    servers.hanging.pop("nfs1").set()
    askers._workers[0]._last.result(10)  # type: ignore[union-attr]
    assert askers.waits("nfs1") is None
    assert askers.answers["nfs1"] == 4
    askers.ask(["nfs1"], PATIENCE)
    assert servers.asked == ["nfs1", "nfs1"]


def test_where_all_threads_hang_the_rest_is_said_to_be_not_asked(servers: Servers) -> None:
    askers = Askers("test", servers.ask, lambda: servers.now, 2)
    askers.ask(["nfs1", "nfs2", "/", "/var"], PATIENCE)
    assert askers.not_asked == {"/", "/var"}
    assert len(askers._workers) == 2


def test_answers_of_what_is_gone_are_forgotten(servers: Servers) -> None:
    askers = Askers("test", servers.ask, lambda: servers.now, 1)
    askers.ask(["/", "/old"], PATIENCE)
    askers.ask(["/"], PATIENCE)
    assert set(askers.answers) == {"/"}
