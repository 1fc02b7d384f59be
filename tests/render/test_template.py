"""What becomes of a declaration in the catalogue when it is rendered for Zabbix."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml
from render_examples import GUESTS, KSM, PAGES, SUBSYSTEMS, trigger

from argus.catalogue import SUBSYSTEMS as CATALOGUE
from argus.render import native7
from argus.render.names import HOSTS
from argus.render.template import template_document
from argus.render.yaml_text import to_yaml


def rendered(host: str, subsystems: Any = SUBSYSTEMS) -> dict[str, Any]:
    export: dict[str, Any] = template_document(host, subsystems)["zabbix_export"]
    return export


def items(host: str) -> dict[str, dict[str, Any]]:
    return {item["key"]: item for item in rendered(host)["templates"][0]["items"]}


def rule(host: str) -> dict[str, Any]:
    (found,) = rendered(host)["templates"][0]["discovery_rules"]
    return dict(found)


def steps(item: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["type"], step["parameters"][0]) for step in item["preprocessing"]]


def test_the_document_is_taken_by_a_trapper_item_and_not_kept() -> None:
    master = items("node")["argus.node.get"]
    assert (master["type"], master["value_type"], master["history"]) == ("TRAP", "TEXT", "0")


def test_a_gauge_is_cut_out_of_the_document_and_absence_is_no_error() -> None:
    item = items("node")["argus.node.ksm.pages"]
    assert item["type"] == "DEPENDENT"
    assert item["master_item"] == {"key": "argus.node.get"}
    assert steps(item) == [("JSONPATH", "$.ksm_pages")]
    assert item["preprocessing"][0]["error_handler"] == "DISCARD_VALUE"


@pytest.mark.parametrize(
    ("key", "expected", "units"),
    [
        ("argus.node.ksm.scans.rate", ["JSONPATH", "CHANGE_PER_SECOND"], "/s"),
        ("argus.node.ksm.used_ratio", ["JSONPATH", "MULTIPLIER"], "%"),
        ("argus.node.ksm.busy_seconds.rate", ["JSONPATH", "CHANGE_PER_SECOND", "MULTIPLIER"], "%"),
        ("argus.node.ksm.kills.rate", ["JSONPATH", "SIMPLE_CHANGE", "IN_RANGE"], None),
        ("argus.node.ksm.mode", ["JSONPATH", "DISCARD_UNCHANGED_HEARTBEAT"], None),
    ],
)
def test_each_kind_is_shown_in_its_unit(key: str, expected: list[str], units: str | None) -> None:
    item = items("node")[key]
    assert [step for step, _ in steps(item)] == expected
    assert item.get("units") == units


def test_what_is_not_shown_is_imported_disabled() -> None:
    assert items("node")["argus.node.ksm.scans.rate"]["status"] == "DISABLED"
    assert "status" not in items("node")["argus.node.ksm.pages"]


def test_a_state_gets_its_names() -> None:
    (value_map,) = rendered("node")["templates"][0]["valuemaps"]
    assert value_map["mappings"][1] == {"value": "1", "newvalue": "running"}
    assert items("node")["argus.node.ksm.run"]["valuemap"] == {"name": value_map["name"]}


def test_a_missing_list_tells_discovery_nothing() -> None:
    path, strip, unchanged = rule("guest")["preprocessing"]
    assert path == {"type": "JSONPATH", "parameters": ["$.disks"], "error_handler": "DISCARD_VALUE"}
    assert "{disk: e.disk, again: e.again}" in strip["parameters"][0]
    assert unchanged["type"] == "DISCARD_UNCHANGED_HEARTBEAT"


def test_a_prototype_finds_its_value_by_the_label() -> None:
    prototype = rule("guest")["item_prototypes"][0]
    assert prototype["key"] == "argus.guest.disk.read_bytes.rate[{#DISK}]"
    assert steps(prototype)[0][1] == '$.disks[?(@.disk == "{#DISK}")].disk_read_bytes.first()'


def test_two_labels_must_both_match() -> None:
    (prototype,) = rule("node")["item_prototypes"]
    wanted = '$.pools[?(@.numa_node == "{#NUMA_NODE}" && @.size == "{#SIZE}")].pool_free_bytes.first()'
    assert steps(prototype)[0][1] == wanted


def test_a_trigger_stands_where_the_format_wants_it() -> None:
    export = rendered("node")
    assert [t["name"] for t in items("node")["argus.node.ksm.run"]["triggers"]] == ["Trouble runs"]
    assert [t["name"] for t in export["triggers"]] == ["Trouble both"]
    assert [t["name"] for t in rule("node")["item_prototypes"][0]["trigger_prototypes"]] == ["Trouble pool"]
    assert [t["name"] for t in rule("guest")["trigger_prototypes"]] == ["Trouble reads"]


def test_a_trigger_names_items_by_path_and_carries_its_ident() -> None:
    (both,) = rendered("node")["triggers"]
    node = "/Argus KVM node by trapper/argus.node.ksm"
    assert both["expression"] == f"last({node}.run)=1 and last({node}.pages)>{{$PAGES.MAX}}"
    assert (both["recovery_mode"], both["recovery_expression"]) == (
        "RECOVERY_EXPRESSION",
        f"last({node}.pages)=0",
    )
    assert {"tag": "argus", "value": "both"} in both["tags"]


def test_a_dependency_repeats_the_expressions_of_what_it_depends_on() -> None:
    (both,) = rendered("node")["triggers"]
    (runs,) = items("node")["argus.node.ksm.run"]["triggers"]
    assert runs["dependencies"] == [{key: both[key] for key in ("name", "expression", "recovery_expression")}]


def test_only_macros_that_a_trigger_or_a_filter_uses_are_there() -> None:
    macros = rendered("node")["templates"][0]["macros"]
    filters = [f"{{$ARGUS.NODE.POOL.{label}" for label in ("NUMA_NODE", "SIZE")]
    assert [macro["macro"] for macro in macros] == [
        *(f"{each}.{which}}}" for each in filters for which in ("MATCHES", "NOT_MATCHES")),
        "{$PAGES.MAX}",
        "{$POOL.MIN}",
    ]


def test_a_counter_of_rare_events_that_begins_again_tells_no_negative_number() -> None:
    *_, in_range = items("node")["argus.node.ksm.kills.rate"]["preprocessing"]
    assert (in_range["parameters"], in_range["error_handler"]) == (["0", ""], "DISCARD_VALUE")


def test_what_is_discovered_can_be_left_out_by_macros_of_each_label() -> None:
    assert rule("guest")["filter"] == {
        "evaltype": "AND",
        "conditions": [
            {"macro": "{#DISK}", "value": "{$ARGUS.GUEST.DISK.MATCHES}", "formulaid": "A"},
            {
                "macro": "{#DISK}",
                "value": "{$ARGUS.GUEST.DISK.NOT_MATCHES}",
                "operator": "NOT_MATCHES_REGEX",
                "formulaid": "B",
            },
        ],
    }
    values = {m["macro"]: m["value"] for m in rendered("guest")["templates"][0]["macros"]}
    assert values["{$ARGUS.GUEST.DISK.MATCHES}"] == ".*"
    assert values["{$ARGUS.GUEST.DISK.NOT_MATCHES}"] == "CHANGE_IF_NEEDED"


def test_no_two_filters_share_a_macro() -> None:
    for host in HOSTS:
        macros = [macro["macro"] for macro in rendered(host, CATALOGUE)["templates"][0]["macros"]]
        assert len(macros) == len(set(macros))


def lifetimes(document: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    parts = ("lifetime", "enabled_lifetime_type", "enabled_lifetime")
    rules = document["zabbix_export"]["templates"][0]["discovery_rules"]
    return {rule["key"]: tuple(rule[part] for part in parts if part in rule) for rule in rules}


def test_what_is_gone_keeps_its_problem_for_a_day_where_its_history_is_worth_little() -> None:
    document = template_document("node", CATALOGUE)
    keys = ("argus.node.unit.discovery", "argus.node.storage_pool.discovery")
    assert [lifetimes(document)[key] for key in keys] == [("1d",), ("14d",)]
    # 7.0 disables everything after a day, and keeps the history.
    assert {*lifetimes(native7.native(document)).values()} == {("14d", "DISABLE_AFTER", "1d")}


def test_a_template_says_what_it_watches() -> None:
    targets = {
        host: next(
            t["value"] for t in rendered(host, CATALOGUE)["templates"][0]["tags"] if t["tag"] == "target"
        )
        for host in HOSTS
    }
    assert targets == {
        "node": "kvm",
        "guest": "kvm",
        "correlator": "argus",
        "service": "openstack",
        "fleet": "openstack",
    }


def test_the_dashboard_shows_every_graph() -> None:
    template = rendered("guest")["templates"][0]
    widgets = [w for page in template["dashboards"][0]["pages"] for w in page["widgets"]]
    shown = {f["value"]["name"] for w in widgets for f in w["fields"] if isinstance(f["value"], dict)}
    assert shown == {"Disk {#DISK}: traffic"}


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        pytest.param(trigger("x", (PAGES,), "last(@2)=1"), "@2", id="no such metric"),
        pytest.param(trigger("x", (PAGES,), "1=1"), "none of its metrics", id="uses nothing"),
        pytest.param(trigger("x", (PAGES,), "last(@1)=1", depends_on=("y",)), "depends on y", id="dangling"),
        pytest.param(trigger("runs", (PAGES,), "last(@1)=1"), "not unique", id="ident twice"),
    ],
)
def test_a_trigger_that_contradicts_itself_is_refused(broken: Any, complaint: str) -> None:
    subsystem = dataclasses.replace(KSM, triggers=(*KSM.triggers, broken))
    with pytest.raises(ValueError, match=complaint):
        rendered("node", (subsystem, GUESTS))


@pytest.mark.parametrize("host", HOSTS)
def test_every_uuid_of_the_catalogue_is_unique_and_shaped_as_zabbix_wants(host: str) -> None:
    found = list(uuids(template_document(host, CATALOGUE)))
    assert len(found) == len(set(found))
    for text in found:
        assert text[12] == "4"
        assert text[16] in "89ab"


def uuids(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        own = [tree["uuid"]] if "uuid" in tree else []
        return own + [u for branch in tree.values() for u in uuids(branch)]
    return [u for branch in tree for u in uuids(branch)] if isinstance(tree, list) else []


@pytest.mark.slow
@pytest.mark.parametrize("host", HOSTS)
def test_yaml_gives_back_the_document_with_text_only(host: str) -> None:
    document = template_document(host, CATALOGUE)
    assert yaml.safe_load(to_yaml(document)) == document


@pytest.mark.parametrize("text", ["0", "1e5", "1E5500", "009600", "yes", "NO", "1_000", "0x1", "12:30", ".5"])
def test_whatever_looks_like_a_number_is_quoted(text: str) -> None:
    assert f"'{text}'" in to_yaml({"value": text})
