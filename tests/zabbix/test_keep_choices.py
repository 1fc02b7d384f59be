"""An import does not undo what an administrator chose, and sees through differences that are none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from render_examples import SUBSYSTEMS

from argus.render import native7
from argus.render.names import NODE_HOST
from argus.render.template import template_document
from argus.zabbix.changes import same
from argus.zabbix.choices import keep_choices, secrets_of


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


def trigger(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item(document, "argus.node.ksm.run")["triggers"][0]
    return found


def rule(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template(document)["discovery_rules"][0]
    return found


CHOICES = [
    pytest.param(trigger, "priority", "DISASTER", id="severity of a trigger"),
    pytest.param(lambda d: item(d, "argus.node.ksm.run"), "history", "30d", id="history of an item"),
    pytest.param(lambda d: item(d, "argus.node.ksm.run"), "trends", "0", id="no trends of an item"),
    pytest.param(
        lambda d: rule(d)["item_prototypes"][0], "discover", "NO_DISCOVER", id="an unwanted prototype"
    ),
    pytest.param(rule, "status", "DISABLED", id="a rule that is off"),
    pytest.param(rule, "lifetime", "3d", id="how long what is lost is kept"),
    pytest.param(rule, "filter", {"conditions": [{"macro": "{#X}", "value": "^a"}]}, id="a rule's filter"),
    pytest.param(rule, "overrides", [{"name": "small ones", "step": "1"}], id="a rule's overrides"),
]


@pytest.mark.parametrize("known", [True, False], ids=["after an apply from here", "after one from elsewhere"])
@pytest.mark.parametrize(("where", "name", "value"), CHOICES)
def test_what_somebody_chose_stays(  # two documents, and what is chosen in them
    document: dict[str, Any], exported: dict[str, Any], where: Any, name: str, value: Any, known: bool
) -> None:
    where(exported)[name] = value
    made = document if known else None
    assert where(keep_choices(document, exported, made))[name] == value


@pytest.mark.parametrize(("where", "name", "value"), CHOICES)
def test_what_nobody_touched_follows_a_new_default(
    document: dict[str, Any], exported: dict[str, Any], where: Any, name: str, value: Any
) -> None:
    where(document)[name] = value
    assert where(keep_choices(document, exported, made=copy.deepcopy(exported)))[name] == value


@pytest.mark.parametrize(("where", "name", "value"), CHOICES)
def test_a_template_of_an_argus_that_kept_no_choices_follows_all_but_what_is_enabled(
    document: dict[str, Any], exported: dict[str, Any], where: Any, name: str, value: Any
) -> None:
    template(exported)["description"] = "KVM node as Argus sees it."
    where(document)[name] = value
    theirs = where(exported).get("status")
    kept = where(keep_choices(document, exported))
    assert kept[name] == value if name != "status" else kept.get(name) == theirs


def test_a_field_that_somebody_set_to_the_default_of_zabbix_stays_so(
    document: dict[str, Any], exported: dict[str, Any]
) -> None:
    del item(exported, "argus.node.ksm.run")["history"]
    assert "history" not in item(keep_choices(document, exported, document), "argus.node.ksm.run")


def test_the_letters_of_a_filter_s_conditions_are_no_choice(
    document: dict[str, Any], exported: dict[str, Any]
) -> None:
    made = copy.deepcopy(document)
    rule(made)["filter"] = {"conditions": [{"macro": "{#X}", "value": "^a"}]}
    rule(exported)["filter"] = {"conditions": [{"macro": "{#X}", "value": "^a", "formulaid": "A"}]}
    rule(document)["filter"] = {"conditions": [{"macro": "{#X}", "value": "^b"}]}
    assert rule(keep_choices(document, exported, made))["filter"] == rule(document)["filter"]


def test_tags_of_others_stay_and_ours_that_are_no_more_go(
    document: dict[str, Any], exported: dict[str, Any]
) -> None:
    theirs, ours = {"tag": "team", "value": "b"}, {"tag": "of an older Argus", "value": "x"}
    made = copy.deepcopy(exported)
    for where in (template, trigger, lambda d: item(d, "argus.node.ksm.run")):
        where(made).setdefault("tags", []).append(ours)
        where(exported).setdefault("tags", []).extend([ours, theirs])
        tags = where(keep_choices(document, exported, made))["tags"]
        assert theirs in tags
        assert ours not in tags


def test_mappings_of_values_that_somebody_added_stay(
    document: dict[str, Any], exported: dict[str, Any]
) -> None:
    mappings = template(exported)["valuemaps"][0]["mappings"]
    mappings[:] = [{"value": "0", "newvalue": "asleep"}, *mappings[1:], {"value": "9", "newvalue": "odd"}]
    kept = template(keep_choices(document, exported, document))["valuemaps"][0]["mappings"]
    assert {"value": "9", "newvalue": "odd"} in kept
    assert {"value": "0", "newvalue": "stopped"} in kept
    assert len(kept) == len(template(document)["valuemaps"][0]["mappings"]) + 1


def test_a_macro_keeps_its_type_and_somebody_s_words(
    document: dict[str, Any], exported: dict[str, Any]
) -> None:
    template(exported)["macros"][0] |= {"type": "VAULT", "value": "a/b:c", "description": "As agreed."}
    kept = template(keep_choices(document, exported, document))["macros"][0]
    assert (kept["type"], kept["value"], kept["description"]) == ("VAULT", "a/b:c", "As agreed.")


def test_a_secret_macro_is_known_since_an_import_would_empty_it(exported: dict[str, Any]) -> None:
    template(exported)["macros"].append({"macro": "{$SITE.KEY}", "type": "SECRET_TEXT"})
    assert secrets_of(exported) == ["{$SITE.KEY}"]


def test_the_same_holds_in_the_words_of_7_0(document: dict[str, Any]) -> None:
    wanted = native7.native(document)
    exported = copy.deepcopy(wanted)
    rule(exported)["enabled_lifetime_type"] = "DISABLE_IMMEDIATELY"
    trigger(exported)["priority"] = "DISASTER"
    template(exported)["groups"].append({"name": "Templates/Site"})
    exported["zabbix_export"]["template_groups"].append({"uuid": "0" * 32, "name": "Templates/Site"})
    kept = keep_choices(wanted, exported, wanted)
    assert rule(kept)["enabled_lifetime_type"] == "DISABLE_IMMEDIATELY"
    assert trigger(kept)["priority"] == "DISASTER"
    assert kept["zabbix_export"]["template_groups"] == exported["zabbix_export"]["template_groups"]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param({"x": "0", "name": "a"}, {"name": "a"}, True, id="a default that is spelt out"),
        pytest.param(
            {"tags": [{"a": "1"}, {"b": "2"}]}, {"tags": [{"b": "2"}, {"a": "1"}]}, True, id="order"
        ),
        pytest.param({"value": "0"}, {"value": ""}, False, id="a macro's value 0 is not empty"),
        pytest.param({"trends": "0"}, {}, False, id="no trends are not the usual ones"),
        pytest.param(
            {"preprocessing": ["a", "b"]}, {"preprocessing": ["b", "a"]}, False, id="order of steps"
        ),
        pytest.param({"name": "a"}, {"name": "b"}, False, id="another name"),
    ],
)
def test_same(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
