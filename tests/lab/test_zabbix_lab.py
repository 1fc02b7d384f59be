"""Argus and a real Zabbix: provisioning, rights, discovery, feeds, and what an administrator changed."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import allocation, guest_disk, guest_state, ksm, libvirt
from argus.render.items import dependent_item
from argus.render.names import GUEST_HOST, NODE_HOST, template_name
from argus.zabbix.api import Zabbix, ZabbixDeniedError
from argus.zabbix.desired import ALL_GROUPS, DASHBOARD, GUESTS_GROUP, HOST_GROUPS
from argus.zabbix.feeds import read_node_values, read_problems
from argus.zabbix.groups import group_ids
from argus_agent.config import Address
from argus_agent.zabbix_protocol import (
    Value,
    active_checks,
    exchange,
    parse_taken,
    sender_data,
    split_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

NODE = "lab-node1"


@contextmanager
def administrator(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


@contextmanager
def correlator(lab: Lab) -> Iterator[Zabbix]:
    """A session with the token that apply wrote."""
    with Zabbix.with_token_file(lab.zabbix_url, token_file(lab)) as zabbix:
        yield zabbix


def token_file(lab: Lab) -> Path:
    lines = Path(lab.env["ARGUS_CONFIG"]).read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("token_file")]
    return Path(line.partition("=")[2].strip())


def changes(lab: Lab, command: str) -> list[dict[str, Any]]:
    done = lab.run("argus", "zabbix", command, "--format", "json")
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert command == "apply" or done.returncode == bool(found)
    return found


def test_a_provisioned_server_needs_nothing(lab: Lab) -> None:
    assert changes(lab, "plan") == []


def test_applying_again_changes_nothing(lab: Lab) -> None:
    token = token_file(lab).read_text()
    assert changes(lab, "apply") == []
    assert token_file(lab).read_text() == token
    assert token_file(lab).stat().st_mode & 0o777 == 0o600


def test_a_wrong_password_is_one_line_without_the_password(lab: Lab) -> None:
    env = {**lab.env, "ZABBIX_PASSWORD": "hunter2"}
    done = type(lab)(env, lab.stack).run("argus", "zabbix", "plan")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"{lab.zabbix_url} refuses user {env['ZABBIX_USER']}" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_the_token_may_do_what_it_needs_and_no_more(lab: Lab) -> None:
    with administrator(lab) as admin:
        (row,) = admin.read("hostgroup.get", filter={"name": ["Zabbix servers"]}, output=["groupid"])
        foreign = row["groupid"]
    with correlator(lab) as zabbix:
        assert zabbix.read("host.get", output=["host"])
        assert isinstance(zabbix.read("problem.get"), list)
        for method, params in (
            ("host.create", {"host": "x", "groups": [{"groupid": foreign}]}),
            ("user.get", {}),
            ("script.execute", {"scriptid": "1", "hostid": "1"}),
        ):
            with pytest.raises(ZabbixDeniedError):
                zabbix.call(method, **params)


def test_the_token_sees_only_hosts_of_argus(lab: Lab) -> None:
    with administrator(lab) as admin, correlator(lab) as zabbix:
        groups = admin.read("hostgroup.get", filter={"name": list(ALL_GROUPS)})
        ours = admin.read("host.get", groupids=[g["groupid"] for g in groups], output=["host"])
        assert {h["host"] for h in zabbix.read("host.get", output=["host"])} == {h["host"] for h in ours}


def test_node_values_are_in_base_units(lab: Lab) -> None:
    with correlator(lab) as zabbix:
        nodes = {node.host: node for node in read_node_values(zabbix)}
    node = nodes[NODE]
    vcpus, cpus = (node.number(m.field) for m in (allocation.VCPUS, allocation.CPUS_USABLE))
    assert vcpus is not None
    assert cpus
    assert node.number(allocation.VCPU_RATIO.field) == pytest.approx(vcpus / cpus)
    assert node.number(libvirt.UP.field) == 1
    assert time.time() - node.at < 60


def test_node_values_can_be_limited_to_what_is_judged(lab: Lab) -> None:
    with correlator(lab) as zabbix:
        nodes = {node.host: node for node in read_node_values(zabbix, [libvirt.UP])}
    assert set(nodes[NODE].values) == {"libvirt_up", "agent_cycle_seconds"}


def test_problems_are_those_that_zabbix_shows(lab: Lab) -> None:
    """Of nodes and guests: those of the hosts that Argus itself feeds would be told twice."""

    def both() -> tuple[set[str], set[str]]:
        with correlator(lab) as zabbix:
            groups = list(group_ids(zabbix, HOST_GROUPS).values())
            shown = zabbix.read("problem.get", output=["eventid"], source=0, object=0, groupids=groups)
            return {p.eventid for p in read_problems(zabbix)}, {row["eventid"] for row in shown}

    lab.wait_until(lambda: len(set(map(frozenset, both()))) == 1, timeout=20)
    with correlator(lab) as zabbix:
        for problem in read_problems(zabbix):
            assert problem.host
            assert problem.trigger_ident == problem.tags.get("argus", "")


@pytest.fixture
def guest(lab: Lab) -> Iterator[tuple[Lab, str]]:
    """A guest that exists in Zabbix only: registered and fed by the test, deleted afterwards."""
    host = str(uuid.uuid4())
    # The node's name is chosen to look like the metadata of a node.
    registration = active_checks(host, f"argus-guest node=argus-node seq={time.time_ns()}")
    exchange(Address(*lab.zabbix_server), registration, 5)
    try:
        lab.wait_until(lambda: host_row(lab, host), timeout=20)
        yield lab, host
    finally:
        with administrator(lab) as zabbix:
            zabbix.call("host.delete", *[row["hostid"] for row in host_row(lab, host)])


def host_row(lab: Lab, host: str) -> list[dict[str, Any]]:
    with administrator(lab) as zabbix:
        found: list[dict[str, Any]] = zabbix.read(
            "host.get",
            filter={"host": [host]},
            output=["hostid"],
            selectParentTemplates=["host"],
            **{zabbix.select_host_groups: ["name"]},
        )
    return found


def send(lab: Lab, host: str, document: dict[str, Any]) -> bool:
    now = time.time()
    value = Value(host, "argus.guest.get", json.dumps(document), *split_time(now))
    reply = exchange(Address(*lab.zabbix_server), sender_data([value], now), 5)
    return parse_taken(reply).failed == 0


def newest(lab: Lab, host: str, key: str) -> str | None:
    with administrator(lab) as zabbix:
        rows = zabbix.read("item.get", host=host, filter={"key_": key}, output=["lastvalue", "lastclock"])
    return rows[0]["lastvalue"] if rows and rows[0]["lastclock"] != "0" else None


RUNNING = {
    guest_state.STATE.field: 1,
    guest_state.REASON.field: 101,
    "disks": [{"disk": "vda", guest_disk.CAPACITY.field: 1024}],
}


def test_a_guest_is_registered_as_a_guest_whatever_its_node_is_called(guest: tuple[Lab, str]) -> None:
    lab, host = guest
    (row,) = host_row(lab, host)
    groups = row.get("groups") or row["hostgroups"]
    assert [group["name"] for group in groups if group["name"].startswith("Argus/")] == [GUESTS_GROUP]
    assert [template["host"] for template in row["parentTemplates"]] == [template_name(GUEST_HOST)]


def test_a_document_without_lists_removes_no_disk_and_troubles_no_rule(guest: tuple[Lab, str]) -> None:
    lab, host = guest
    key = guest_disk.CAPACITY.zabbix_key.replace("{#DISK}", "vda")
    lab.wait_until(lambda: send(lab, host, RUNNING) and newest(lab, host, key), timeout=30, every=1)
    off = {guest_state.STATE.field: 5, guest_state.REASON.field: 502}
    assert send(lab, host, off)
    lab.wait_until(lambda: newest(lab, host, guest_state.STATE.zabbix_key) == "5", timeout=15)
    with administrator(lab) as zabbix:
        rules = zabbix.read("discoveryrule.get", host=host, output=["key_", "state", "error"])
        disks = zabbix.read("item.get", host=host, filter={"key_": key}, selectItemDiscovery=["ts_delete"])
        problems = zabbix.read("trigger.get", host=host, filter={"value": 1}, selectTags="extend")
    assert [(rule["key_"], rule["error"]) for rule in rules if rule["state"] == "1"] == []
    assert [disk["itemDiscovery"]["ts_delete"] for disk in disks] == ["0"]
    assert "guest_not_running" in {tag["value"] for trigger in problems for tag in trigger["tags"]}


def test_what_an_administrator_chose_survives_an_update(lab: Lab) -> None:
    macro, value = "{$ARGUS.NODE.KSM.ALLOWED}", "1"
    with administrator(lab) as zabbix:
        (template,) = zabbix.read("template.get", filter={"host": [template_name(NODE_HOST)]})
        mine = {"templateids": [template["templateid"]]}
        (macro_row,) = zabbix.read("usermacro.get", hostids=mine["templateids"], filter={"macro": [macro]})
        (trigger,) = zabbix.read(
            "trigger.get", **mine, tags=[{"tag": "argus", "value": "ksm_running", "operator": 1}]
        )
        (item,) = zabbix.read("item.get", **mine, filter={"key_": ksm.RUN.zabbix_key})
        zabbix.call("usermacro.update", hostmacroid=macro_row["hostmacroid"], value=value)
        zabbix.call("trigger.update", triggerid=trigger["triggerid"], status=1)
        zabbix.call("item.update", itemid=item["itemid"], name="drifted")
        try:
            (change,) = changes(lab, "plan")
            name = dependent_item(ksm.RUN)["name"]
            assert change["details"] == [f'item updated: {name}: name "drifted" -> "{name}"']
            changes(lab, "apply")
            assert changes(lab, "plan") == []
            (item,) = zabbix.read("item.get", itemids=[item["itemid"]])
            (row,) = zabbix.read("usermacro.get", hostids=mine["templateids"], filter={"macro": [macro]})
            (after,) = zabbix.read("trigger.get", triggerids=[trigger["triggerid"]])
        finally:
            zabbix.call("usermacro.update", hostmacroid=macro_row["hostmacroid"], value=macro_row["value"])
            zabbix.call("trigger.update", triggerid=trigger["triggerid"], status=0)
    assert item["name"] == dependent_item(ksm.RUN)["name"]
    assert row["value"] == value
    assert after["status"] == "1"


def test_widgets_of_others_stay_and_a_removed_one_of_ours_comes_back(lab: Lab) -> None:
    def pages(zabbix: Zabbix) -> Any:
        (row,) = zabbix.read("dashboard.get", filter={"name": [DASHBOARD]}, selectPages="extend")
        return row["dashboardid"], row["pages"]

    with administrator(lab) as zabbix:
        dashboardid, before = pages(zabbix)
        clock = {"type": "clock", "name": "Wall clock", "x": 0, "y": 40, "width": 4, "height": 3}
        kept = [widget for widget in before[0]["widgets"] if widget["name"] != "Nodes"]
        changed = [{**before[0], "widgets": [*kept, clock]}, *before[1:]]
        try:
            zabbix.call("dashboard.update", dashboardid=dashboardid, pages=changed)
            changes(lab, "apply")
            names = {widget["name"] for widget in pages(zabbix)[1][0]["widgets"]}
        finally:
            restored = [{**before[0], "widgets": [without_id(w) for w in before[0]["widgets"]]}, *before[1:]]
            zabbix.call("dashboard.update", dashboardid=dashboardid, pages=restored)
    assert {"Wall clock", "Nodes"} <= names
    assert changes(lab, "plan") == []


def without_id(widget: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in widget.items() if key != "widgetid"}


def test_a_lost_token_is_made_again(lab: Lab) -> None:
    path = token_file(lab)
    old = path.read_text()
    path.write_text("0" * 64)
    (planned,) = changes(lab, "plan")
    assert planned["kind"] == "API token"
    assert changes(lab, "apply") == [planned]
    assert path.read_text() != old
    with correlator(lab) as zabbix:
        assert zabbix.read("host.get", output=["host"])
    with closing(Zabbix.with_token(lab.zabbix_url, old.strip())) as zabbix, pytest.raises(ZabbixDeniedError):
        zabbix.read("host.get", output=["host"])
