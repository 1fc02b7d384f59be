"""What `argus zabbix plan` says of a template: which object, which field, from what to what."""

from __future__ import annotations

from typing import Any

from argus.zabbix.differences import differences


def updated(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    part = {"before": {"name": "Load", **before}, "after": {"name": "Load", **after}}
    template = {"before": {}, "after": {}, "items": {"updated": [part]}}
    return list(differences({"templates": {"updated": [template]}}))


def test_a_field_is_told_with_its_old_and_new_value() -> None:
    assert updated({"priority": "AVERAGE"}, {"priority": "WARNING"}) == [
        'item updated: Load: priority "AVERAGE" -> "WARNING"'
    ]


def test_what_is_left_out_is_called_the_default() -> None:
    assert updated({"trends": "0"}, {}) == ['item updated: Load: trends "0" -> (default)']


def test_of_a_list_only_what_differs_is_told() -> None:
    old, new = {"tag": "a", "value": "1"}, {"tag": "b", "value": "2"}
    assert updated({"tags": [old]}, {"tags": [old, new]}) == [
        'item updated: Load: tags +{"tag": "b", "value": "2"}'
    ]


def test_of_a_macro_the_field_is_told() -> None:
    before = {"macros": [{"macro": "{$X}", "value": "5"}]}
    after = {"macros": [{"macro": "{$X}", "value": "7"}]}
    assert updated(before, after) == ['item updated: Load: {$X}: value "5" -> "7"']


def test_steps_in_another_order_are_told() -> None:
    steps = [{"type": "A"}, {"type": "B"}]
    assert updated({"preprocessing": steps}, {"preprocessing": steps[::-1]}) == [
        "item updated: Load: preprocessing: another order"
    ]


def test_what_only_looks_different_is_not_told() -> None:
    first, second = {"tag": "a"}, {"tag": "b"}
    assert updated({"delay": "0", "tags": [first, second]}, {"tags": [second, first]}) == []


def test_what_comes_is_named_one_a_line() -> None:
    tree = {"discovery_rules": {"added": [{"after": {"name": "Pools", "key": "x"}}, {"after": {"key": "y"}}]}}
    assert list(differences(tree)) == ["discovery rule added: Pools", "discovery rule added: y"]
