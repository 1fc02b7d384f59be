"""Hosts of guests follow the guests, and end only when their node has given the guest up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.correlator.guest_life import (
    FEWEST,
    LONGEST_NAME,
    GuestHost,
    Identity,
    Memory,
    NodeReport,
    Terms,
    decide,
    identity,
    visible_name,
)

NOW = 1_800_000_000.0
TERMS = Terms()
FACTS = {"name": "web", "node": "n1", "project_name": "demo", "flavor": "m1"}
TAGS = (("flavor", "m1"), ("node", "n1"), ("project", "demo"))
UUID = "1f0f1a0e-0000-4000-8000-000000000001"


def host(uuid: str = UUID, age: float = 5, **changes: Any) -> GuestHost:
    tags, groups = TAGS, frozenset({"Argus/Guests"})
    known = GuestHost("1", uuid, f"web ({uuid})", True, tags, groups, FACTS, NOW - age)
    return dataclasses.replace(known, **changes)


def gone_long(node: str = "n1") -> Memory:
    return Memory(node, gone_since=NOW - TERMS.disable_after - 1)


def disabled(hosts: list[GuestHost], nodes: list[NodeReport], memory: dict[str, Memory]) -> list[str]:
    return [h.uuid for h in decide(hosts, nodes, memory, (), TERMS, NOW).disable]


def test_a_host_that_is_as_it_should_be_is_left_alone() -> None:
    assert identity(host(), (), ()) is None


def test_a_new_guest_gets_name_and_tags_beside_those_of_others() -> None:
    change = identity(host(visible=UUID, tags=(("owner", "ops"),)), (), ())
    assert change == Identity("1", f"web ({UUID})", tuple(sorted((*TAGS, ("owner", "ops")))))


def test_a_guest_that_moved_changes_its_tag_and_its_group_and_no_other() -> None:
    groups = frozenset({"Argus/Guests", "Argus/Guests/node n1", "Customers"})
    moved = host(facts={**FACTS, "node": "n2"}, groups=groups)
    change = identity(moved, ("node",), ("Argus/Guests/node n1", "Argus/Guests/node n2"))
    assert change is not None
    assert ("node", "n2") in (change.tags or ())
    assert (change.join, change.leave) == (("Argus/Guests/node n2",), ("Argus/Guests/node n1",))


def test_a_zone_that_nobody_tells_keeps_its_tag_and_its_group() -> None:
    groups = frozenset({"Argus/Guests", "Argus/Guests/az az1"})
    zoned = host(tags=tuple(sorted((*TAGS, ("az", "az1")))), groups=groups)
    assert identity(zoned, ("az",), ("Argus/Guests/az az1",)) is None


def test_a_guest_on_a_node_without_a_zone_loses_the_zone_of_the_last() -> None:
    groups = frozenset({"Argus/Guests", "Argus/Guests/az az1"})
    moved = host(tags=(*TAGS, ("az", "az1")), groups=groups, facts={**FACTS, "az": ""})
    change = identity(moved, ("az",), ("Argus/Guests/az az1",))
    assert change is not None
    assert (change.tags, change.leave) == (TAGS, ("Argus/Guests/az az1",))


def test_a_group_that_does_not_exist_is_not_joined() -> None:
    assert identity(host(), ("project",), ()) is None


def test_a_guest_that_never_reported_keeps_its_name() -> None:
    assert identity(host(visible=UUID, facts={}, tags=()), (), ()) is None


@given(st.text(), st.uuids())
def test_a_visible_name_fits_and_is_unique(name: str, uuid: object) -> None:
    made = visible_name({"name": name}, str(uuid))
    assert len(made) <= LONGEST_NAME
    assert str(uuid) in made
    assert "\n" not in made


def test_a_guest_that_its_node_no_longer_has_is_disabled() -> None:
    hosts = [host(), host("gone", age=900)]
    assert disabled(hosts, [NodeReport("n1", 1)], {"gone": gone_long()}) == ["gone"]


def test_the_node_is_remembered_when_zabbix_has_forgotten_it() -> None:
    hosts = [host(), host("gone", age=NOW, facts={})]
    assert disabled(hosts, [NodeReport("n1", 1)], {"gone": gone_long()}) == ["gone"]


@pytest.mark.parametrize(
    ("nodes", "memory"),
    [
        pytest.param([NodeReport("n1", None)], gone_long(), id="the node or its libvirtd does not answer"),
        pytest.param([], gone_long(), id="the node is not in Zabbix"),
        pytest.param([NodeReport("n1", 2)], gone_long(), id="the node has a guest that nobody hears of"),
        pytest.param([NodeReport("n1", 1)], Memory("n1"), id="it is gone only now"),
        pytest.param([NodeReport("n1", 1)], gone_long("n2"), id="it was somewhere else"),
    ],
)
def test_silence_alone_disables_nothing(nodes: list[NodeReport], memory: Memory) -> None:
    silent = host("silent", age=900, facts={})
    assert disabled([host(), silent], nodes, {"silent": memory}) == []


def test_too_many_at_once_disable_nothing_and_say_so() -> None:
    hosts = [host(f"g{n}", age=900) for n in range(FEWEST + 1)]
    decision = decide(hosts, [NodeReport("n1", 0)], {h.uuid: gone_long() for h in hosts}, (), TERMS, NOW)
    assert decision.disable == ()
    assert "[guests] share" in decision.held[0]


def test_a_group_that_nobody_has_made_is_named_with_what_makes_it() -> None:
    terms = dataclasses.replace(TERMS, group_by=("project",))
    hosts = [host(), *(host(f"g{n}", facts={**FACTS, "project_name": f"p{n}"}) for n in range(4))]
    (line,) = decide(hosts, [], {}, ["Argus/Guests/project p0"], terms, NOW).held
    assert "Argus/Guests/project demo, " in line
    assert "project p0" not in line
    assert "and 1 more" in line
    assert "`argus zabbix apply`" in line


def test_groups_that_are_there_or_not_asked_for_are_not_told() -> None:
    terms = dataclasses.replace(TERMS, group_by=("project",))
    assert decide([host()], [], {}, ["Argus/Guests/project demo"], terms, NOW).held == ()
    assert decide([host()], [], {}, (), TERMS, NOW).held == ()
    assert decide([host(enabled=False)], [], {}, (), terms, NOW).held == ()


def test_what_argus_disabled_long_ago_is_removed_and_what_a_person_disabled_is_not() -> None:
    old = NOW - TERMS.remove_after - 1
    ours, theirs = host("ours", age=NOW, enabled=False), host("theirs", age=NOW, enabled=False)
    memory = {"ours": Memory("n1", old, old), "theirs": Memory("n1", old)}
    decision = decide([host(), ours, theirs], [NodeReport("n1", 1)], memory, (), TERMS, NOW)
    assert decision.remove == (ours,)


def test_a_retired_host_is_tried_again_where_a_guest_is_missing() -> None:
    retired = host("back", age=NOW, enabled=False)
    memory = {"back": Memory("n1", NOW - 50, NOW - 50)}
    decision = decide([host(), retired], [NodeReport("n1", 2)], memory, (), TERMS, NOW)
    assert decision.enable == (retired,)
    tried = {"back": dataclasses.replace(memory["back"], tried_at=NOW - 60)}
    assert decide([host(), retired], [NodeReport("n1", 2)], tried, (), TERMS, NOW).enable == ()
