"""Which domains a share asks for, on a libvirt that is played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from argus_agent.libvirt_connection import Connection
from argus_agent.libvirt_domains import LIST_SECONDS, Domains


@dataclass(frozen=True)
class Domain:
    number: int  # -1: it is off
    uuid: str

    def UUIDString(self) -> str:  # noqa: N802 -- as libvirt calls it
        return self.uuid

    def ID(self) -> int:  # noqa: N802
        return self.number

    def name(self) -> str:
        return self.uuid


class Played(Connection):
    """Lends itself, and counts how often domains were listed."""

    def __init__(self, *domains: Domain) -> None:
        super().__init__("played:///", {})
        self.domains = list(domains)
        self.lists = 0

    @contextmanager
    def call(self, kind: str) -> Iterator[Any]:
        yield self
        self._seconds[kind] = 0.0

    def listDomainsID(self) -> list[int]:  # noqa: N802
        return [domain.number for domain in self.domains if domain.number >= 0]

    def numOfDefinedDomains(self) -> int:  # noqa: N802
        return sum(domain.number < 0 for domain in self.domains)

    def listAllDomains(self, _flags: int) -> list[Domain]:  # noqa: N802
        self.lists += 1
        return list(self.domains)

    def domainListGetStats(  # noqa: N802
        self, domains: list[Domain], _groups: int, _flags: int
    ) -> list[tuple[Domain, dict[str, int]]]:
        return [(domain, {"state.state": 1}) for domain in domains if domain in self.domains]


class Node:
    def __init__(self, *domains: Domain) -> None:
        self.now = 0.0
        self.conn = Played(*domains)
        self.share = Domains("played:///", {}, 1.0, lambda: self.now)
        self.share._connection = self.conn

    def asked(self) -> list[str]:
        self.now += 1
        return [guest.uuid for guest in self.share.share(0, _everybody).guests]


def _everybody(_uuid: str) -> bool:
    return True


A, B, OFF = Domain(1, "a"), Domain(2, "b"), Domain(-1, "off")


def test_domains_are_listed_once_while_they_are_the_same() -> None:
    node = Node(A, B, OFF)
    assert [node.asked() for _ in range(5)] == [["a", "b", "off"]] * 5
    assert node.conn.lists == 1


@pytest.mark.parametrize(
    "now",
    [
        [A, B, Domain(3, "c"), OFF],
        [A, OFF],
        [A, Domain(3, "b"), OFF],
        [A, B],
        [A, B, OFF, Domain(-1, "also off")],
        [Domain(3, "c"), B, OFF],
    ],
    ids=["started", "stopped", "restarted", "undefined", "defined", "one for another"],
)
def test_a_domain_that_comes_or_goes_is_seen_at_once(now: list[Domain]) -> None:
    node = Node(A, B, OFF)
    node.asked()
    node.conn.domains = now
    assert node.asked() == [domain.uuid for domain in now]


def test_what_numbers_do_not_show_is_seen_within_a_minute() -> None:
    node = Node(A, OFF)
    node.asked()
    node.conn.domains = [A, Domain(-1, "another that is off")]
    node.now += LIST_SECONDS
    assert node.asked() == ["a", "another that is off"]


def test_another_connection_has_domains_of_its_own() -> None:
    node = Node(A)
    node.asked()
    node.conn = node.share._connection = Played(A)
    assert (node.asked(), node.conn.lists) == (["a"], 1)


def test_who_wants_others_gets_others() -> None:
    node = Node(A, B)
    node.asked()
    assert [guest.uuid for guest in node.share.share(0, {"b"}.__contains__).guests] == ["b"]
