"""An import does not undo what an administrator chose, and sees through differences that are none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from render_examples import SUBSYSTEMS

from argus.render.names import NODE_HOST
from argus.render.template import template_document
from argus.zabbix.changes import same
from argus.zabbix.templates import keep_choices


@pytest.fixture
def document() -> dict[str, Any]:
    return template_document(NODE_HOST, SUBSYSTEMS)


@pytest.fixture
def exported(document: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(document)


def template(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["zabbix_export"]["templates"][0]
    return found


def item(document: dict[str, Any], key: str) -> dict[str, Any]:
    return next(item for item in template(document)["items"] if item["key"] == key)


def macro(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(macro for macro in template(document)["macros"] if macro["macro"] == name)


def test_nothing_chosen_changes_nothing(document: dict[str, Any], exported: dict[str, Any]) -> None:
    assert keep_choices(document, exported) == document


def test_a_changed_macro_keeps_its_value(document: dict[str, Any], exported: dict[str, Any]) -> None:
    macro(exported, "{$PAGES.MAX}")["value"] = "77"
    assert macro(keep_choices(document, exported), "{$PAGES.MAX}")["value"] == "77"


def test_an_untouched_macro_follows_a_new_default(document: dict[str, Any], exported: dict[str, Any]) -> None:
    macro(exported, "{$PAGES.MAX}").update(value="5", description="Most pages. Default: 5")
    assert macro(keep_choices(document, exported), "{$PAGES.MAX}")["value"] == "10"


@pytest.mark.parametrize(
    ("member", "addition"),
    [
        ("macros", {"macro": "{$SITE}", "value": "b"}),
        ("tags", {"tag": "site", "value": "b"}),
        ("groups", {"name": "Templates/Site"}),
    ],
)
def test_additions_stay(
    document: dict[str, Any], exported: dict[str, Any], member: str, addition: dict[str, str]
) -> None:
    template(exported)[member].append(addition)
    assert addition in template(keep_choices(document, exported))[member]


def test_a_further_group_is_declared(document: dict[str, Any], exported: dict[str, Any]) -> None:
    group = {"uuid": "0" * 32, "name": "Templates/Site"}
    template(exported)["groups"].append({"name": group["name"]})
    exported["zabbix_export"]["groups"].append(group)
    assert group in keep_choices(document, exported)["zabbix_export"]["groups"]


def test_a_disabled_trigger_stays_disabled(document: dict[str, Any], exported: dict[str, Any]) -> None:
    item(exported, "argus.node.ksm.run")["triggers"][0]["status"] = "DISABLED"
    kept = item(keep_choices(document, exported), "argus.node.ksm.run")
    assert kept["triggers"][0]["status"] == "DISABLED"


def test_an_item_that_was_enabled_stays_enabled(document: dict[str, Any], exported: dict[str, Any]) -> None:
    del item(exported, "argus.node.ksm.scans.rate")["status"]
    assert "status" not in item(keep_choices(document, exported), "argus.node.ksm.scans.rate")


def test_a_new_item_comes_as_the_catalogue_says(document: dict[str, Any], exported: dict[str, Any]) -> None:
    template(exported)["items"] = [
        part for part in template(exported)["items"] if part["key"] != "argus.node.ksm.scans.rate"
    ]
    assert item(keep_choices(document, exported), "argus.node.ksm.scans.rate")["status"] == "DISABLED"


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param({"x": "0", "name": "a"}, {"name": "a"}, True, id="a default that is spelt out"),
        pytest.param(
            {"tags": [{"a": "1"}, {"b": "2"}]}, {"tags": [{"b": "2"}, {"a": "1"}]}, True, id="order"
        ),
        pytest.param({"value": "0"}, {"value": ""}, False, id="a macro's value 0 is not empty"),
        pytest.param(
            {"preprocessing": ["a", "b"]}, {"preprocessing": ["b", "a"]}, False, id="order of steps"
        ),
        pytest.param({"name": "a"}, {"name": "b"}, False, id="another name"),
    ],
)
def test_same(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
