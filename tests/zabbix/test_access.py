"""The role keeps what an administrator allowed beyond what the correlator needs, and gets what it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from argus.zabbix.access import missing_rules
from argus.zabbix.desired import API_METHODS, UI_ACTIONS

ACTIONS = [{"name": name, "status": "1"} for name in UI_ACTIONS]


def rules(**more: Any) -> dict[str, Any]:
    there = {"api.access": "1", "api.mode": "1", "api": [*API_METHODS], "actions": ACTIONS}
    return {**there, **{name.replace("_", "."): value for name, value in more.items()}}


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(rules(), id="as it was made"),
        pytest.param(rules(api=[*API_METHODS, "script.get"]), id="more methods"),
        pytest.param(rules(api=["*"]), id="all methods by a mask"),
        pytest.param(rules(api_mode="0", api=["user.*"]), id="a list of what is denied"),
        pytest.param(
            rules(actions=[*ACTIONS, {"name": "execute_scripts", "status": "1"}]), id="more actions"
        ),
    ],
)
def test_more_than_is_needed_is_nothing_to_mend(there: dict[str, Any]) -> None:
    assert missing_rules(there, UI_ACTIONS) == ({}, [])


def test_a_missing_method_is_added_to_those_allowed() -> None:
    there = rules(api=[*(m for m in API_METHODS if m != "host.get"), "script.get"])
    sent, lacking = missing_rules(there, UI_ACTIONS)
    assert lacking == ["host.get"]
    assert set(sent["api"]) == {*API_METHODS, "script.get"}
    assert "actions" not in sent


def test_a_method_that_is_denied_is_taken_from_the_list_of_those_denied() -> None:
    sent, lacking = missing_rules(rules(api_mode="0", api=["host.get", "user.*"]), UI_ACTIONS)
    assert lacking == ["host.get"]
    assert (sent["api.mode"], sent["api"]) == (0, ["user.*"])


def test_without_access_the_methods_are_listed_and_not_all_allowed() -> None:
    there = {"api.access": "0", "actions": ACTIONS}
    sent, _ = missing_rules(there, UI_ACTIONS)
    assert (sent["api.access"], sent["api.mode"]) == (1, 1)
    assert set(sent["api"]) == set(API_METHODS)


def test_an_action_that_is_off_is_named_and_only_that_is_sent() -> None:
    there = rules(actions=[{"name": name, "status": "0"} for name in UI_ACTIONS])
    sent, lacking = missing_rules(there, UI_ACTIONS[:1])
    assert lacking == [f"action {UI_ACTIONS[0]}"]
    assert sent == {"actions": [{"name": UI_ACTIONS[0], "status": 1}]}
