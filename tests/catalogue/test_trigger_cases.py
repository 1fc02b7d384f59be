"""No trigger without values that fire it."""

from __future__ import annotations

from trigger_cases import CASES, TRIGGERS


def test_every_trigger_has_a_case_that_fires_it() -> None:
    missing = TRIGGERS.keys() - CASES.keys()
    assert not missing, f"add a line each to tests/kit/trigger_cases.py: {sorted(missing)}"
    assert not CASES.keys() - TRIGGERS.keys(), "a case without a trigger"


def test_a_case_has_a_value_for_each_metric_or_is_silent() -> None:
    for ident, case in CASES.items():
        trigger = TRIGGERS[ident]
        silent = "nodata(" in trigger.expression
        assert len(case.trouble) == (0 if silent else len(trigger.metrics)), ident
        assert len(case.peace) == len(trigger.metrics), ident


def test_who_reads_a_problem_sees_the_value_and_what_it_is() -> None:
    for ident, trigger in TRIGGERS.items():
        if "nodata(" not in trigger.expression:
            word, _, value = trigger.opdata.partition(": ")
            assert word, ident
            assert value.startswith(("{ITEM.LASTVALUE", "{ITEM.VALUE")), ident
