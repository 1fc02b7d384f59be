"""Zabbix itself mails when the correlator cannot, and what an administrator changed there stays."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

from argus.catalogue import correlator
from argus.render.names import CORRELATOR_HOST, master_key, template_name
from argus.zabbix import trapper
from argus.zabbix.api import Zabbix
from argus.zabbix.desired import FALLBACK_ACTION, FALLBACK_MEDIA, OWN_GROUP, USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


@pytest.fixture
def host(admin: Zabbix) -> Iterator[str]:
    """Another correlator, as far as Zabbix can tell."""
    name = f"fallback-{secrets.token_hex(4)}"
    (group,) = admin.read("hostgroup.get", filter={"name": [OWN_GROUP]}, output=["groupid"])
    wanted = {"host": [template_name(CORRELATOR_HOST)]}
    (template,) = admin.read("template.get", filter=wanted, output=["templateid"])
    made = admin.call("host.create", host=name, groups=[group], templates=[template])
    yield name
    admin.call("host.delete", *made["hostids"])


def given_up(lab: Lab, host: str, number: int) -> bool:
    """Say that so many messages were given up; false while Zabbix does not know the host yet."""
    document = json.dumps({correlator.OPEN.field: 0, correlator.DEAD.field: number})
    try:
        trapper.send(trapper.Trappers((lab.zabbix_server,)), host, master_key(CORRELATOR_HOST), document, 5)
    except trapper.NotTakenError:
        return False
    return True


def test_messages_that_were_given_up_are_told_by_zabbix_itself(lab: Lab, host: str) -> None:
    lab.wait_until(lambda: given_up(lab, host, 0), timeout=30)

    def told() -> list[EmailMessage]:
        ours = [mail for mail in lab.mails() if mail["Subject"].startswith("[Zabbix] Messages")]
        return [mail for mail in ours if host in mail.get_content()]

    numbers = iter(range(1, 1000))
    lab.wait_until(lambda: given_up(lab, host, next(numbers)) and told(), timeout=60, every=2)
    mail = told()[0]
    assert mail["Subject"] == "[Zabbix] Messages of the correlator were given up"
    assert "Argus may not be able to tell anybody" in mail.get_content()
    assert mail.get_content_type() == "text/plain"
    assert "oncall@lab.invalid" in mail["To"]


def test_what_an_administrator_changed_stays_and_what_is_missing_comes_back(lab: Lab, admin: Zabbix) -> None:
    (media,) = admin.read("mediatype.get", filter={"name": [FALLBACK_MEDIA]}, output="extend")
    (action,) = admin.read(
        "action.get", filter={"name": [FALLBACK_ACTION]}, output="extend", selectFilter="extend"
    )
    (user,) = admin.read("user.get", filter={"username": [USER]}, output=["userid"], selectMedias="extend")
    conditions = [{k: c[k] for k in _CONDITION} for c in action["filter"]["conditions"]]
    medias = [{k: m[k] for k in _MEDIA} for m in user["medias"]]
    boss = medias[0] | {"sendto": ["boss@lab.invalid"]}
    actionid, where = action["actionid"], {"mediatypeid": media["mediatypeid"]}
    try:
        admin.call("mediatype.update", **where, smtp_helo="other.lab.invalid")
        fewer = {"evaltype": 0, "conditions": conditions[1:]}
        admin.call("action.update", actionid=actionid, status=1, filter=fewer)
        admin.call("user.update", userid=user["userid"], medias=[boss])
        done = json.loads(lab.run("argus", "zabbix", "apply", "--format", "json", timeout=120).stdout)
        assert {change["kind"] for change in done} == {"media of user", "action"}
        (media,) = admin.read("mediatype.get", **_ids(where), output=["smtp_helo"])
        assert media["smtp_helo"] == "other.lab.invalid"
        (now,) = admin.read("action.get", actionids=[actionid], output=["status"], selectFilter="extend")
        assert now["status"] == "1"
        assert len(now["filter"]["conditions"]) == len(conditions)
        (user,) = admin.read("user.get", filter={"username": [USER]}, selectMedias="extend")
        assert {tuple(m["sendto"]) for m in user["medias"]} == {
            ("boss@lab.invalid",),
            ("oncall@lab.invalid",),
        }
        assert json.loads(lab.run("argus", "zabbix", "plan", "--format", "json", timeout=120).stdout) == []
    finally:
        admin.call("user.update", userid=user["userid"], medias=medias)
        admin.call("action.update", actionid=actionid, status=0)


_CONDITION = ("conditiontype", "operator", "value", "value2")
_MEDIA = ("mediatypeid", "sendto", "active", "severity", "period")


def _ids(where: dict[str, str]) -> dict[str, list[str]]:
    return {"mediatypeids": [where["mediatypeid"]]}
