"""Each rule fires on what it is about, and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import allocation, libvirt, node_memory, node_pressure
from argus.catalogue.model import Severity
from argus.correlator.facts import NodeValues, Problem
from argus.correlator.rule import Finding, Layer, Node, Source, Unknown, rule
from argus.correlator.rules import RULES
from argus.correlator.rules.capacity import node_is_full
from argus.correlator.rules.overcommit import memory_overcommit_hurts_guests, overcommit_hurts_guests
from argus.correlator.rules.reporting import node_does_not_report
from argus.correlator.rules.services import libvirtd_does_not_answer
from argus.correlator.rules.sources import source_cannot_be_read
from argus.correlator.thresholds import GIB, Thresholds

if TYPE_CHECKING:
    from argus.catalogue.model import Metric
    from argus.correlator.rule import Rule

LIMITS = Thresholds()


def node(values: dict[Metric, float], *, age: float | None = 5.0, problems: tuple[Problem, ...] = ()) -> Node:
    at = 0.0 if age is None else 1000.0 - age
    measured = NodeValues("cmp1", {metric.field: value for metric, value in values.items()}, at)
    return Node("cmp1", measured, age, 90.0, problems)


def nodata(clock: float) -> Problem:
    return Problem("1", "cmp1", "Node sends no data", 4, clock, {}, False, False, "node_data_missing")


@pytest.mark.parametrize(
    ("overcommit", "steal", "fires"),
    [
        pytest.param(2.0, 0.12, True, id="overcommitted and starving"),
        pytest.param(2.0, 0.02, False, id="overcommitted but idle"),
        pytest.param(0.5, 0.12, False, id="one badly pinned guest"),
        pytest.param(1.0, 0.10, False, id="just at both limits"),
    ],
)
def test_overcommit_is_a_trouble_only_together_with_steal(
    overcommit: float, steal: float, fires: bool
) -> None:
    found = overcommit_hurts_guests.check(
        node({allocation.VCPU_RATIO: overcommit, allocation.STEAL_MAX: steal}), LIMITS
    )
    assert bool(found) is fires


def test_pressure_that_quotas_make_is_no_overcommit_where_steal_says_that_nobody_waits() -> None:
    told = {allocation.STEAL_MAX: 0.02, node_pressure.STALLED["cpu", "some"]: 1.0}
    assert overcommit_hurts_guests.check(node({allocation.VCPU_RATIO: 2.0, **told}), LIMITS) is None


STALL = node_pressure.STALLED
PROMISED = {allocation.VCPU_RATIO: 2.0, allocation.MEMORY_RATIO: 1.3}


@pytest.mark.parametrize(
    ("rule", "told", "says"),
    [
        (overcommit_hurts_guests, {STALL["cpu", "some"]: 0.9}, "tasks wait for a CPU 90%"),
        (memory_overcommit_hurts_guests, {node_memory.SWAP_USED: 3 * GIB}, "swap in use 3.0 GiB"),
        (memory_overcommit_hurts_guests, {STALL["memory", "some"]: 0.2}, "tasks wait for memory 20%"),
        (memory_overcommit_hurts_guests, {allocation.BALLOONED: 2 * GIB}, "balloons hold back 2.0 GiB"),
    ],
)
def test_overcommit_hurts_by_pressure_swap_and_balloons(
    rule: Rule[Node], told: dict[Metric, float], says: str
) -> None:
    found = rule.check(node({**PROMISED, **told}), LIMITS)
    assert isinstance(found, Finding)
    assert says in found.summary
    assert rule.check(node({**PROMISED, **dict.fromkeys(told, 0.0)}), LIMITS) is None
    agreed = {allocation.VCPU_RATIO: 1.0, allocation.MEMORY_RATIO: 1.0}
    assert rule.check(node({**agreed, **told}), LIMITS) is None
    assert isinstance(rule.check(node(PROMISED), LIMITS), Unknown), "who tells nothing is not well"


@pytest.mark.parametrize(
    ("memory", "vcpus", "says"),
    [
        pytest.param(64 * GIB, 30, "", id="plenty of both"),
        pytest.param(1 * GIB, 30, "1.0 GiB of memory left", id="memory is short"),
        pytest.param(-3 * GIB, 30, "-3.0 GiB of memory left", id="more memory promised than agreed"),
        pytest.param(64 * GIB, 0, "0 vCPUs left", id="vCPUs are short"),
        pytest.param(0, 0, "0.0 GiB of memory and 0 vCPUs left", id="both are short"),
    ],
)
def test_a_node_is_full_when_the_smallest_guest_does_not_fit(memory: float, vcpus: float, says: str) -> None:
    found = node_is_full.check(node({allocation.MEMORY_FREE: memory, allocation.VCPUS_FREE: vcpus}), LIMITS)
    assert says in (found.summary if isinstance(found, Finding) else "")
    assert bool(found) is bool(says)


@pytest.mark.parametrize(("up", "fires"), [(0.0, True), (1.0, False)])
def test_libvirtd_that_does_not_answer_is_found_by_the_agents_own_word(up: float, fires: bool) -> None:
    found = libvirtd_does_not_answer.check(node({libvirt.UP: up}), LIMITS)
    assert bool(found) is fires
    assert not isinstance(found, Finding) or "cmp1" in found.summary


@pytest.mark.parametrize(
    ("age", "problems", "fires"),
    [
        pytest.param(5.0, (), False, id="values come"),
        pytest.param(90.0, (), False, id="just not too old"),
        pytest.param(91.0, (), True, id="too old"),
        pytest.param(None, (), True, id="never a value"),
        pytest.param(60.0, (nodata(950.0),), True, id="Zabbix noticed before we did"),
        pytest.param(5.0, (nodata(950.0),), False, id="values came after Zabbix noticed"),
    ],
)
def test_a_node_without_recent_values_does_not_report(
    age: float | None, problems: tuple[Problem, ...], fires: bool
) -> None:
    assert bool(node_does_not_report.check(node({}, age=age, problems=problems), LIMITS)) is fires


def test_a_source_that_cannot_be_read_is_named_with_its_error() -> None:
    found = source_cannot_be_read.check(Source("zabbix", "connection refused"), LIMITS)
    assert isinstance(found, Finding)
    assert found.evidence == {"error": "connection refused"}
    assert source_cannot_be_read.check(Source("zabbix", ""), LIMITS) is None


@pytest.mark.parametrize("each", RULES, ids=lambda each: each.name)
def test_every_rule_has_a_title_a_runbook_and_a_name_of_its_own(each: Any) -> None:
    assert each.title
    assert "What to do:" in each.runbook
    assert [other.name for other in RULES].count(each.name) == 1


def test_a_rule_without_a_runbook_does_not_build() -> None:
    def silent(_node: Node, _limit: Thresholds) -> Finding | None:
        """Only a title."""
        return None

    with pytest.raises(ValueError, match="needs a runbook"):
        rule(severity=Severity.HIGH, layer=Layer.LOAD, hold=0, keep=0)(silent)


def test_a_rule_that_reads_what_it_does_not_need_is_told_so() -> None:
    with pytest.raises(KeyError, match="needs="):
        node({})[libvirt.UP]
