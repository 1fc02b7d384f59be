"""An action's conditions are widened by ours; an administrator's stay, and so does how they are combined."""

from __future__ import annotations

from argus.zabbix.conditions import lacking, widened

OURS = {"conditiontype": 24, "operator": 8, "value": "^argus-node( |$)"}
STORED = {"conditiontype": "24", "operator": "8", "value": "^argus-node( |$)", "value2": "", "formulaid": "B"}
PROXY = {"conditiontype": "20", "operator": "0", "value": "10084", "value2": "", "formulaid": "A"}


def test_a_further_condition_is_nothing_to_mend() -> None:
    assert lacking({"evaltype": "1", "conditions": [PROXY, STORED]}, [OURS]) == []


def test_another_operator_is_another_condition() -> None:
    assert lacking({"conditions": [STORED | {"operator": "9"}]}, [OURS]) == [OURS]


def test_what_is_there_stays_beside_ours() -> None:
    sent = widened({"evaltype": "1", "formula": "", "conditions": [PROXY]}, [OURS], "and")
    proxy = {"conditiontype": "20", "operator": "0", "value": "10084"}
    assert sent == {"evaltype": 1, "conditions": [proxy, OURS]}


def test_a_formula_of_somebody_s_own_is_joined() -> None:
    other = PROXY | {"formulaid": "C"}
    sent = widened({"evaltype": "3", "formula": "A or C", "conditions": [PROXY, other]}, [OURS, OURS], "and")
    assert sent["evaltype"] == 3
    assert sent["formula"] == "(A or C) and (B or D)"
    assert [condition["formulaid"] for condition in sent["conditions"]] == ["A", "C", "B", "D"]
