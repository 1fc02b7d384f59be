"""What `argus zabbix plan`, `apply` and `export` say about a real Zabbix that is not as they expect."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from argus.catalogue import openstack_service
from argus.render.ids import stable_uuid
from argus.render.names import GUEST_HOST, HOSTS, NODE_HOST, SERVICE_HOST, template_name
from argus.zabbix import provision
from argus.zabbix.api import Zabbix, ZabbixError, ZabbixSessionError
from argus.zabbix.desired import CORRELATOR, DASHBOARD, FALLBACK_ACTION, FLEETS_GROUP, USER
from argus.zabbix.fallback import FallbackAction, Mail
from argus.zabbix.fleet_dashboard import FleetDashboard
from argus.zabbix.templates import import_rules
from stack.lab import TOP

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

OLD_KEY = "argus.node.no_longer_measured"
OLD_TRIGGER = "no longer told"
OLD_GRAPH = "no longer drawn"


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


def zabbix(lab: Lab, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return type(lab)({**lab.env, **env}, lab.stack).run("argus", "zabbix", *words, timeout=120)


def template(admin: Zabbix, host: str) -> dict[str, Any]:
    (row,) = admin.read("template.get", filter={"host": [template_name(host)]}, output=["templateid"])
    return dict(row)


def test_the_export_is_yaml_with_all_templates(lab: Lab) -> None:
    done = zabbix(lab, "export")
    assert done.returncode == 0, done.stderr
    exported = yaml.safe_load(done.stdout)["zabbix_export"]["templates"]
    assert {part["template"] for part in exported} == {template_name(host) for host in HOSTS}


def test_what_is_no_longer_in_the_catalogue_is_shown_and_deleted_only_when_asked(
    lab: Lab, admin: Zabbix
) -> None:
    where = template(admin, NODE_HOST)["templateid"]
    item = {"name": "old", "hostid": where, "type": 2, "value_type": 3}
    (mine,) = admin.call("item.create", **item, key_="ours.stays")["itemids"]
    admin.call("item.create", **item, key_=OLD_KEY)
    expression = f"last(/{template_name(NODE_HOST)}/ours.stays)>1"
    tags = [{"tag": "argus", "value": "no_longer_told"}]
    admin.call("trigger.create", description=OLD_TRIGGER, expression=expression, tags=tags)
    graph = stable_uuid(template_name(NODE_HOST), "graph", OLD_GRAPH)
    lines = [{"itemid": mine, "color": "0072B2"}]
    for name, identity in ((OLD_GRAPH, {"uuid": graph}), ("graph of others", {})):
        admin.call("graph.create", name=name, gitems=lines, width=900, height=200, **identity)

    def left() -> list[Any]:
        return list(admin.read("item.get", templateids=[where], filter={"key_": OLD_KEY}, output=["itemid"]))

    try:
        done = zabbix(lab, "apply")
        assert OLD_KEY in done.stderr
        assert OLD_TRIGGER in done.stderr
        assert "--delete-removed" in done.stderr
        assert left()
        planned = json.loads(zabbix(lab, "plan", "--delete-removed", "--format", "json").stdout)
        assert {(change["verb"], change["name"]) for change in planned} == {
            ("delete", OLD_KEY),
            ("delete", OLD_TRIGGER),
            ("delete", OLD_GRAPH),
        }
        zabbix(lab, "apply", "--delete-removed")
        assert not left()
        assert not admin.read("trigger.get", templateids=[where], filter={"description": OLD_TRIGGER})
        assert admin.read("item.get", itemids=[mine], output=["itemid"])
        names = {row["name"] for row in admin.read("graph.get", templateids=[where], output=["name"])}
        assert ("graph of others" in names, OLD_GRAPH in names) == (True, False)
    finally:
        admin.call("item.delete", mine)


def test_a_template_of_our_name_that_is_not_ours_is_named(lab: Lab, admin: Zabbix) -> None:
    found = template(admin, GUEST_HOST)["templateid"]
    group = admin.read("template.get", templateids=[found], output=["uuid"])[0]
    other = secrets.token_hex(6) + "4" + secrets.token_hex(1)[0:1] + "00" + "8" + secrets.token_hex(7) + "0"
    admin.call("template.update", templateid=found, uuid=other[:32])
    try:
        done = zabbix(lab, "plan")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "another template called 'Argus KVM guest by trapper'" in done.stderr
    finally:
        admin.call("template.update", templateid=found, uuid=group["uuid"])


def test_a_host_of_our_name_that_is_not_ours_is_found_before_anything_is_made(
    lab: Lab, admin: Zabbix
) -> None:
    (host,) = admin.read(
        "host.get", filter={"host": [CORRELATOR]}, output=["hostid"], selectGroups=["groupid"]
    )
    (other,) = admin.read("hostgroup.get", filter={"name": ["Zabbix servers"]}, output=["groupid"])
    (board,) = admin.read("dashboard.get", filter={"name": [DASHBOARD]}, output=["dashboardid"])
    admin.call("host.update", hostid=host["hostid"], groups=[other])
    admin.call("dashboard.delete", board["dashboardid"])
    empty = admin.read("hostgroup.get", filter={"name": [FLEETS_GROUP]}, output=["groupid"])
    admin.call("hostgroup.update", groupid=empty[0]["groupid"], name="renamed by somebody")
    try:
        done = zabbix(lab, "apply")
        assert done.returncode == 2
        assert f"has a host {CORRELATOR!r} that is not ours" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not admin.read("dashboard.get", filter={"name": [DASHBOARD]}, output=["dashboardid"])
        assert not admin.read("hostgroup.get", filter={"name": [FLEETS_GROUP]}, output=["groupid"])
    finally:
        admin.call("host.update", hostid=host["hostid"], groups=_groups(host))
        admin.call("hostgroup.update", groupid=empty[0]["groupid"], name=FLEETS_GROUP)
        assert zabbix(lab, "apply").returncode == 0
    assert zabbix(lab, "plan").returncode == 0


def _groups(host: dict[str, Any]) -> list[dict[str, str]]:
    return [{"groupid": group["groupid"]} for group in host["groups"]]


@pytest.mark.parametrize(
    "file", sorted((TOP / "zabbix_templates" / "6.0").glob("*.yaml")), ids=lambda f: f.stem
)
def test_a_committed_file_imported_by_hand_is_what_plan_wants(lab: Lab, admin: Zabbix, file: Path) -> None:
    admin.call("configuration.import", format="yaml", source=file.read_text(), rules=import_rules(admin))
    assert json.loads(zabbix(lab, "plan", "--format", "json").stdout) == []


def test_a_user_without_rights_changes_nothing_and_is_told_so(lab: Lab, admin: Zabbix) -> None:
    name, password = f"plain-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    (group,) = admin.read("usergroup.get", filter={"name": ["Guests"]}, output=["usrgrpid"])
    (role,) = admin.read("role.get", filter={"name": ["Admin role"]}, output=["roleid"])
    user = admin.call("user.create", username=name, passwd=password, roleid=role["roleid"], usrgrps=[group])[
        "userids"
    ]
    try:
        done = zabbix(lab, "apply", ZABBIX_USER=name, ZABBIX_PASSWORD=password)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "super administrator, and has changed nothing" in done.stderr
    finally:
        admin.call("user.delete", *user)


@pytest.fixture
def expired(admin: Zabbix) -> Iterator[str]:
    """A token of the correlator's user that was good until a second after 1970 began."""
    (user,) = admin.read("user.get", filter={"username": [USER]}, output=["userid"])
    name = f"expired-{secrets.token_hex(4)}"
    (tokenid,) = admin.call("token.create", name=name, userid=user["userid"], expires_at=1)["tokenids"]
    yield admin.call("token.generate", tokenid)[0]["token"]
    admin.call("token.delete", tokenid)


def test_an_expired_token_is_named_with_what_to_do(lab: Lab, expired: str, tmp_path: Path) -> None:
    done = zabbix(lab, "apply", ZABBIX_TOKEN=expired)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "the token in ZABBIX_TOKEN" in done.stderr
    assert "make a new one in Zabbix" in done.stderr
    assert expired not in done.stderr
    file = tmp_path / "token"
    file.write_text(expired)
    told = f"{file}.*renew it with `argus zabbix apply`"
    with (
        Zabbix.with_token_file(lab.zabbix_url, file) as session,
        pytest.raises(ZabbixSessionError, match=told),
    ):
        session.read("host.get", countOutput=True)


def test_an_older_template_is_shown_and_brought_up_to_date(lab: Lab, admin: Zabbix) -> None:
    """As one that lacks an item and has another default, of which nobody said that it is theirs."""
    where = template(admin, SERVICE_HOST)["templateid"]
    key = openstack_service.INSTANCES_UP.zabbix_key
    (item,) = admin.read("item.get", templateids=[where], filter={"key_": key}, output=["itemid"])
    name = "{$ARGUS.SERVICE.LATENCY.MAX}"
    (macro,) = admin.read("usermacro.get", hostids=[where], filter={"macro": name}, output="extend")
    admin.call("item.delete", item["itemid"])
    text = macro["description"].replace("Default: 5", "Default: 3")
    admin.call("usermacro.update", hostmacroid=macro["hostmacroid"], value="3", description=text)
    planned = json.loads(zabbix(lab, "plan", "--format", "json").stdout)
    assert [change["name"] for change in planned] == [template_name(SERVICE_HOST)]
    assert any("Instances up" in line or "instances up" in line for line in planned[0]["details"])
    assert zabbix(lab, "apply").returncode == 0
    assert admin.read("item.get", templateids=[where], filter={"key_": key}, output=["itemid"])
    (macro,) = admin.read("usermacro.get", hostids=[where], filter={"macro": name}, output="extend")
    assert macro["value"] == "5"


def test_an_apply_that_was_cut_off_is_finished_by_the_next(lab: Lab, admin: Zabbix) -> None:
    (action,) = admin.read("action.get", filter={"name": [FALLBACK_ACTION]}, output=["actionid"])
    (board,) = admin.read("dashboard.get", filter={"name": [DASHBOARD]}, output=["dashboardid"])
    admin.call("action.delete", action["actionid"])
    admin.call("dashboard.delete", board["dashboardid"])
    mail = Mail("127.0.0.1", 25, "argus@lab.invalid", "none", ("oncall@lab.invalid",))
    begun: list[str] = []

    def cut_off(change: object) -> None:
        begun.append(str(change))
        if len(begun) > 1:
            raise ZabbixError("the line went dead")

    with pytest.raises(ZabbixError, match="went dead"):
        provision.apply(admin, (FallbackAction(mail), FleetDashboard()), cut_off)
    planned = json.loads(zabbix(lab, "plan", "--format", "json").stdout)
    assert [change["kind"] for change in planned] == ["dashboard"]
    assert zabbix(lab, "apply").returncode == 0
    assert zabbix(lab, "plan").returncode == 0
