"""Guests of nodes that Zabbix lets register nobody get their hosts all the same."""

from __future__ import annotations

from argus.correlator.adoption import Node, adopt

BY_A, BY_B = {"tls_accept": "4", "proxyid": "1"}, {"tls_accept": "4", "proxyid": "2"}


def node(name: str, way: dict[str, str] | None, *guests: str) -> Node:
    return Node(name, frozenset(guests), way)


def test_a_guest_without_a_host_gets_one_that_is_reached_as_its_node_is() -> None:
    assert adopt([node("a", BY_A, "g1", "g2")], {"g1": ("10", BY_A)}).make == (("g2", BY_A),)


def test_a_guest_that_moved_behind_another_proxy_follows_its_node() -> None:
    found = adopt([node("a", BY_A), node("b", BY_B, "g1")], {"g1": ("10", BY_A)})
    assert (found.make, found.change) == ((), (("10", BY_B),))


def test_a_guest_on_two_nodes_waits_until_it_has_moved() -> None:
    found = adopt([node("a", BY_A, "g1", "g2"), node("b", BY_B, "g1", "g2")], {"g1": ("10", BY_A)})
    assert (found.make, found.change) == ((), ())


def test_a_node_that_registers_its_guests_is_left_to_do_so() -> None:
    found = adopt([node("a", None, "g1", "g2")], {"g1": ("10", BY_A)})
    assert (found.make, found.change) == ((), ())
