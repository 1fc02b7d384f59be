"""An incident knows its problems in Zabbix, whatever its rule judges by, so that acknowledging goes along."""

from __future__ import annotations

import pytest

from argus.catalogue import libvirt
from argus.correlator.evaluate import Key, evaluate
from argus.correlator.facts import ZABBIX, Facts, NodeValues, Problem
from argus.correlator.rule import Finding
from argus.correlator.service import Part, Service, Services, State
from argus.correlator.thresholds import Policy

TAGS = {"cloud": "one", "region": "R1", "service": "nova"}


def problem(event: str, ident: str, host: str, name: str = "", tags: dict[str, str] | None = None) -> Problem:
    return Problem(event, host, name or ident, 4, 100.0, tags or {}, False, False, ident)


SERVICE = Service("one/R1/nova", "nova", State.DOWN, "503", 100.0)
PART = Part("one/R1/nova/nova-compute@cmp1", "one/R1/nova", "nova-compute", "cmp1", State.DOWN, "", 100.0)


@pytest.mark.parametrize(
    ("key", "reported"),
    [
        (Key("libvirtd_does_not_answer", "cmp1"), problem("1", "libvirt_down", "cmp1")),
        (Key("service_is_down", "one/R1/nova"), problem("1", "service_down", "one R1 nova", tags=TAGS)),
        (
            Key("part_is_down", "one/R1/nova/nova-compute@cmp1"),
            problem(
                "1",
                "instance_down",
                "one R1 nova",
                "Instance nova-compute@cmp1 of the service is down",
                TAGS,
            ),
        ),
    ],
)
def test_what_has_a_problem_in_zabbix_names_it(key: Key, reported: Problem) -> None:
    node = NodeValues("cmp1", {libvirt.UP.field: 0.0}, 1000.0)
    others = (problem("8", reported.trigger_ident, "cmp2"), problem("9", "pool_full", "cmp1"))
    facts = Facts(
        (reported, *others), (node,), sources=(ZABBIX, "services"), others=(Services((SERVICE,), (PART,)),)
    )
    found = evaluate(facts, Policy(), 1000.0, ())[key]
    assert isinstance(found, Finding)
    assert found.events == ("1",)
