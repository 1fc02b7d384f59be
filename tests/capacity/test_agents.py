"""A site without OpenStack: what the agents tell is the fleet."""

from __future__ import annotations

from argus.catalogue import allocation
from argus.correlator.capacity.agents import SILENT, Resident, of_agents
from argus.correlator.capacity.model import MEMORY, VCPU, Fleet
from argus.correlator.capacity.report import report
from argus.correlator.facts import NodeValues

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
