"""A site without OpenStack: what the agents tell is the fleet."""

from __future__ import annotations

from dataclasses import replace

from fleets import ask, host, settle

from argus.catalogue import allocation, node_pressure
from argus.correlator.capacity.agents import SILENT, Details, Resident, of_agents, with_agents
from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.model import MEMORY, VCPU, Cell, Fleet, Guest, Pain
from argus.correlator.capacity.report import report
from argus.correlator.facts import NodeValues
from argus.zabbix.node_details import details

GIB = 2**30
GUEST = Resident("u1", "n1", "web", "shop", 4, 2048)


def node(name: str, at: float = 100.0, **left_out: bool) -> NodeValues:
    """8 CPUs at 2 vCPUs each, of which 4 are claimed; 32 GiB, of which 2 are."""
    told = {
        allocation.CPUS_USABLE: 8,
        allocation.VCPUS_FREE: 12,
        allocation.VCPUS_CLAIMED: 4,
        allocation.MEMORY_FREE: 30 * GIB,
        allocation.MEMORY_CLAIMED: 2 * GIB,
    }
    values = {metric.field: value for metric, value in told.items() if metric.name not in left_out}
    return NodeValues(name, values, at)


def fleet(*nodes: NodeValues) -> Fleet:
    return of_agents("agents", nodes, [GUEST], fresh=50.0, at=100.0)


def test_what_agents_tell_is_capacity_as_placement_counts_it() -> None:
    scope = report(fleet(node("n1"), node("n2"))).scope("all")
    assert scope is not None
    assert scope.classes[VCPU].capacity == 2 * 8 * 2
    assert scope.classes[MEMORY].capacity == 2 * 32 * 1024
    assert scope.taking == 2


def test_a_loss_that_fits_on_the_other_node_is_no_deficit() -> None:
    found = report(fleet(node("n1"), node("n2")))
    assert found.losses["host"] == 1, "the other one has no guests to lose"
    assert found.deficits == ()


def test_a_node_that_does_not_report_takes_nothing() -> None:
    found = report(fleet(node("n1"), node("n2", at=10.0)))
    assert [(each.unit, each.count) for each in found.deficits] == [("n1", 1)]


def test_a_node_that_does_not_tell_what_is_left_is_unknown_and_not_full() -> None:
    silent = fleet(node("n1"), node("n2", vcpus_claimed=True))
    assert [host.closed for host in silent.hosts] == ["", SILENT]
    found = report(silent)
    assert not found.losses
    assert "n2" in found.missing["providers"]


def told(name: str, uuids: str, count: float, **more: float) -> NodeValues:
    values: dict[str, float | str] = {
        allocation.GUEST_UUIDS.field: uuids,
        allocation.GUESTS.field: count,
        **more,
    }
    return NodeValues(name, values, 100.0)


def cloud(*guests: Guest) -> Fleet:
    return settle("f", [host("n1", 9, 9), host("n2", 9, 9)], guests)


def test_who_is_where_by_libvirts_own_list() -> None:
    fleet = cloud(Guest("g", "n1", ask(1, 1)), Guest("h", "n2", ask(1, 1)))
    nodes = [told("n1", "g x", 2), told("n2", "g", 1)]
    found = drifts(with_agents(fleet, nodes, {}, fresh=50.0))
    assert [(each.kind, each.host, each.subject) for each in found] == [
        ("missing_domain", "n2", "h"),
        ("two_hosts", "n1", "g"),
        ("unknown_domain", "n1", "x"),
    ]


def test_a_list_that_is_not_whole_or_not_of_now_is_not_compared() -> None:
    fleet = cloud(Guest("g", "n1", ask(1, 1)))
    assert not drifts(with_agents(fleet, [told("n1", "x", 2)], {}, fresh=50.0))
    hung = replace(told("n1", "x", 1), clocks={allocation.GUESTS.field: 20.0})
    assert not drifts(with_agents(fleet, [hung], {}, fresh=50.0))
    assert not drifts(with_agents(fleet, [told("n1", "x", 1)], {}, fresh=150.0))


def test_a_disagreement_is_told_when_two_readings_have_it() -> None:
    fleet = with_agents(cloud(), [told("n1", "x", 1)], {}, fresh=50.0)
    first = report(fleet, before=frozenset())
    assert (dict(first.drifts), first.suspected) == ({}, ("unknown_domain n1 x",))
    assert report(fleet, before=frozenset(first.suspected)).drifts == {"unknown_domain": 1}
    assert report(fleet).drifts == {"unknown_domain": 1}


def test_nothing_is_nova_to_a_site_without_openstack() -> None:
    nodes = [replace(node(name), values={**node(name).values, **told(name, "u2", 1).values}) for name in "ab"]
    found = drifts(of_agents("agents", nodes, [GUEST], fresh=50.0, at=100.0))
    assert [each.kind for each in found] == ["two_hosts"]


def test_pain_and_numa_nodes_of_an_agent_reach_its_host() -> None:
    pressure = {node_pressure.STALLED["memory", "some"].field: 0.3}
    values = told(
        "n1", "", 0, **pressure, **{allocation.BALLOONED.field: 7.0, allocation.STEAL_MAX.field: 0.2}
    )
    node_of = Details((Cell(0, {2048: 100}),), {2048: 100})
    paged = Guest("g", "n1", ask(1, 20, page=2048, cells=1))  # off: its 10 pages are free now, and claimed
    first, second = with_agents(cloud(paged), [values], {"n1": node_of}, fresh=50.0).hosts
    assert first.pain == Pain(0.2, 0.3, None, 7.0)
    assert first.cells == (Cell(0, {2048: 90}),)
    assert second.pain == Pain()
    scope = report(replace(cloud(), hosts=(first, second))).scope("all")
    assert scope is not None
    assert (scope.stall, scope.ballooned, scope.swap) == (0.3, 7.0, None)
    assert scope.where == {"steal": "n1", "stall": "n1", "ballooned": "n1"}


def row(key: str, value: str) -> dict[str, str]:
    return {"key_": key, "lastvalue": value, "lastclock": "1"}


def test_details_are_read_of_what_zabbix_keeps() -> None:
    found = details(
        [
            row("argus.node.numa.total_bytes[0]", str(4 * GIB)),
            row("argus.node.numa.total_bytes[1]", str(4 * GIB)),
            row("argus.node.numa.cpus[0]", "8"),
            row("argus.node.hugepages.pool[0,2048kB]", "10"),
            row("argus.node.hugepages.free[0,2048kB]", "6"),
            row("argus.node.hugepages.reserved[2048kB]", "2"),
        ]
    )
    assert found == Details((Cell(0, {2048: 4}, 8, 4096), Cell(1, {}, None, 4096)), {2048: 10})
    assert details([]) == Details()
