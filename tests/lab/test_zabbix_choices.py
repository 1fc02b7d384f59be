"""What an administrator chose survives an import: in the templates and on single hosts, in 6.0 and 7.0."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import ksm
from argus.render.names import NODE_HOST, template_name
from argus.zabbix.api import Zabbix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

NODE = "lab-node1"
IDS = {
    "item": "itemid",
    "discoveryrule": "itemid",
    "itemprototype": "itemid",
    "trigger": "triggerid",
    "triggerprototype": "triggerid",
}
# What is chosen: the object, how it is now, and the field with what somebody makes of it.
CHOICES = (
    ("item", {"status": "0", "value_type": "0"}, {"status": "1"}),
    ("item", {"status": "1", "value_type": "0"}, {"status": "0"}),
    ("item", {"status": "0", "value_type": "3"}, {"history": "3d", "trends": "33d"}),
    ("discoveryrule", {"status": "0"}, {"status": "1", "lifetime": "3d"}),
    ("itemprototype", {"status": "0", "value_type": "0"}, {"status": "1", "discover": "1", "history": "3d"}),
    ("trigger", {"status": "0"}, {"status": "1", "priority": "5"}),
    ("triggerprototype", {"status": "0"}, {"priority": "5", "discover": "1"}),
)
FIELDS = ("status", "history", "trends", "lifetime", "discover", "priority")


@pytest.fixture
def where(each_zabbix: Lab) -> Lab:
    return each_zabbix


@pytest.fixture
def admin(where: Lab) -> Iterator[Zabbix]:
    user, password = where.env["ZABBIX_USER"], where.env["ZABBIX_PASSWORD"]
    with Zabbix.login(where.zabbix_url, user, password, timeout=60) as zabbix:
        yield zabbix


def run(lab: Lab, command: str) -> list[dict[str, Any]]:
    done = lab.run("argus", "zabbix", command, "--format", "json", timeout=300)
    assert done.returncode in {0, 1}, done.stderr
    changes: list[dict[str, Any]] = json.loads(done.stdout)
    return changes


def token_file(lab: Lab) -> Path:
    lines = Path(lab.env["ARGUS_CONFIG"]).read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("token_file")]
    return Path(line.partition("=")[2].strip())


def template_id(admin: Zabbix) -> str:
    (row,) = admin.read("template.get", filter={"host": [template_name(NODE_HOST)]}, output=["templateid"])
    return str(row["templateid"])


def node_id(lab: Lab, admin: Zabbix) -> str:
    def found() -> list[dict[str, str]]:
        return list(admin.read("host.get", filter={"host": [NODE]}, output=["hostid"]))

    return str(lab.wait_until(found, timeout=60)[0]["hostid"])


def parents(admin: Zabbix) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """An object of the template for each choice, another one each."""
    templateid, found, taken = template_id(admin), [], set()
    for kind, now, choice in CHOICES:
        rows = admin.read(f"{kind}.get", templateids=[templateid], filter=now, output="extend")
        row = next(row for row in rows if row[IDS[kind]] not in taken and row.get("type") != "2")
        taken.add(row[IDS[kind]])
        found.append((kind, row, choice))
    return found


def fields(admin: Zabbix, kind: str, number: str) -> dict[str, str]:
    """What it has of all that can be chosen."""
    (row,) = admin.read(f"{kind}.get", output="extend", **{f"{IDS[kind]}s": [number]})
    return {name: row[name] for name in FIELDS if name in row}


@pytest.fixture
def drifted(where: Lab, admin: Zabbix) -> Iterator[str]:
    """Something in the template that an import brings back: its item."""
    wanted = {"templateids": [template_id(admin)], "filter": {"key_": ksm.RUN.zabbix_key}}
    (item,) = admin.read("item.get", **wanted, output=["itemid"])
    admin.call("item.update", itemid=item["itemid"], description="drifted")
    yield item["itemid"]
    (after,) = admin.read("item.get", itemids=[item["itemid"]], output=["description"])
    assert after["description"].startswith(ksm.RUN.help)
    assert run(where, "plan") == []


@pytest.fixture
def chosen_on_host(where: Lab, admin: Zabbix) -> Iterator[list[tuple[str, str, dict[str, str]]]]:
    """All of ``CHOICES`` on the node: kind, id and the fields that are chosen."""
    hostid, made, before = node_id(where, admin), [], []
    for kind, parent, choice in parents(admin):
        (child,) = admin.read(
            f"{kind}.get",
            hostids=[hostid],
            filter={"templateid": parent[IDS[kind]]},
            output="extend",
        )
        number = child[IDS[kind]]
        before.append((kind, number, {name: child[name] for name in choice}))
        made.append((kind, number, choice))
        admin.call(f"{kind}.update", **{IDS[kind]: number, **choice})
    yield made
    for kind, number, choice in before:
        admin.call(f"{kind}.update", **{IDS[kind]: number, **choice})


def assert_chosen(admin: Zabbix, chosen: list[tuple[str, str, dict[str, str]]]) -> None:
    found = [(kind, number, fields(admin, kind, number)) for kind, number, _ in chosen]
    wanted = [
        (kind, number, now | choice)
        for (kind, number, choice), (_, _, now) in zip(chosen, found, strict=True)
    ]
    assert found == wanted


def test_what_was_chosen_on_one_host_stays_after_an_update(
    where: Lab, admin: Zabbix, drifted: str, chosen_on_host: list[tuple[str, str, dict[str, str]]]
) -> None:
    (change,) = run(where, "apply")
    assert change["details"] == [next(line for line in change["details"] if "drifted" in line)], drifted
    assert_chosen(admin, chosen_on_host)


def test_what_was_chosen_on_one_host_outlives_an_apply_that_is_killed(
    where: Lab, admin: Zabbix, drifted: str, chosen_on_host: list[tuple[str, str, dict[str, str]]]
) -> None:
    left = token_file(where).with_name(f"{token_file(where).name}.choices")
    argus = Path(sys.executable).parent / "argus"
    apply = subprocess.Popen([argus, "zabbix", "apply"], env=where.env, stderr=subprocess.PIPE)
    try:
        where.wait_until(left.exists, timeout=120, every=0.002)
    finally:
        apply.send_signal(signal.SIGKILL)
        apply.communicate(timeout=10)
    assert left.exists(), drifted
    assert "choices on hosts" in {change["kind"] for change in run(where, "plan")}
    run(where, "apply")
    assert not left.exists()
    assert_chosen(admin, chosen_on_host)


@pytest.fixture
def chosen_in_template(admin: Zabbix) -> Iterator[list[tuple[str, str, dict[str, str]]]]:
    """All of ``CHOICES`` on the template itself."""
    found = parents(admin)
    for kind, row, choice in found:
        admin.call(f"{kind}.update", **{IDS[kind]: row[IDS[kind]], **choice})
    yield [(kind, row[IDS[kind]], choice) for kind, row, choice in found]
    for kind, row, choice in found:
        before = {name: row[name] for name in choice}
        admin.call(f"{kind}.update", **{IDS[kind]: row[IDS[kind]], **before})


def test_what_was_chosen_in_a_template_stays_after_an_update(
    where: Lab, admin: Zabbix, drifted: str, chosen_in_template: list[tuple[str, str, dict[str, str]]]
) -> None:
    (change,) = run(where, "apply")
    assert len(change["details"]) == 1, drifted
    assert run(where, "plan") == []
    assert_chosen(admin, chosen_in_template)


def test_further_tags_filters_and_mappings_in_a_template_stay_after_an_update(
    where: Lab, admin: Zabbix, drifted: str
) -> None:
    templateid = template_id(admin)
    (item,) = admin.read("item.get", itemids=[drifted], output=["itemid"], selectTags="extend")
    rule = admin.read(
        "discoveryrule.get", templateids=[templateid], output=["itemid"], selectFilter="extend"
    )[0]
    paths = admin.read("discoveryrule.get", itemids=[rule["itemid"]], selectLLDMacroPaths="extend")
    (valuemap, *_) = admin.read(
        "valuemap.get", hostids=[templateid], output="extend", selectMappings="extend"
    )
    macro = paths[0]["lld_macro_paths"][0]["lld_macro"]
    condition = {"macro": macro, "value": "^leave-this-out", "operator": "9"}
    try:
        admin.call("item.update", itemid=item["itemid"], tags=[*item["tags"], {"tag": "team", "value": "b"}])
        admin.call(
            "discoveryrule.update", itemid=rule["itemid"], filter={"evaltype": 0, "conditions": [condition]}
        )
        more = [*valuemap["mappings"], {"type": "0", "value": "99", "newvalue": "odd"}]
        admin.call("valuemap.update", valuemapid=valuemap["valuemapid"], mappings=more)
        (change,) = run(where, "apply")
        assert len(change["details"]) == 1
        assert run(where, "plan") == []
        (now,) = admin.read("item.get", itemids=[item["itemid"]], selectTags="extend")
        assert {"tag": "team", "value": "b"} in now["tags"]
        (now,) = admin.read("discoveryrule.get", itemids=[rule["itemid"]], selectFilter="extend")
        assert [c["value"] for c in now["filter"]["conditions"]] == [condition["value"]]
        (now,) = admin.read("valuemap.get", valuemapids=[valuemap["valuemapid"]], selectMappings="extend")
        assert "odd" in {mapping["newvalue"] for mapping in now["mappings"]}
    finally:
        admin.call("item.update", itemid=item["itemid"], tags=item["tags"])
        admin.call("discoveryrule.update", itemid=rule["itemid"], filter=_sendable(rule["filter"]))
        admin.call("valuemap.update", valuemapid=valuemap["valuemapid"], mappings=valuemap["mappings"])


def _sendable(stored: dict[str, Any]) -> dict[str, Any]:
    conditions = [{k: c[k] for k in ("macro", "value", "operator")} for c in stored["conditions"]]
    return {"evaltype": stored["evaltype"], "conditions": conditions}
