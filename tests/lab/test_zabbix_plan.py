"""What `argus zabbix plan`, `apply` and `export` say about a real Zabbix that is not as they expect."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from argus.render.names import GUEST_HOST, HOSTS, NODE_HOST, template_name
from argus.zabbix.api import Zabbix

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

OLD_KEY = "argus.node.no_longer_measured"


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

    def left() -> list[Any]:
        return list(admin.read("item.get", templateids=[where], filter={"key_": OLD_KEY}, output=["itemid"]))

    try:
        done = zabbix(lab, "apply")
        assert OLD_KEY in done.stderr
        assert "--delete-removed" in done.stderr
        assert left()
        planned = json.loads(zabbix(lab, "plan", "--delete-removed", "--format", "json").stdout)
        assert ("delete", OLD_KEY) in {(change["verb"], change["name"]) for change in planned}
        zabbix(lab, "apply", "--delete-removed")
        assert not left()
        assert admin.read("item.get", itemids=[mine], output=["itemid"])
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


def test_a_user_without_rights_changes_nothing_and_is_told_so(lab: Lab, admin: Zabbix) -> None:
    name, password = f"plain-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    (group,) = admin.read("usergroup.get", filter={"name": ["Argus"]}, output=["usrgrpid"])
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
