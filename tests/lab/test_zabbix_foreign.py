"""What belongs to somebody is refused before anything is changed; what somebody added to ours stays."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from argus.zabbix.api import Zabbix
from argus.zabbix.desired import DASHBOARD, REGISTRATIONS, ROLE, USER, USER_GROUP

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

IDS = {"user": "userid", "usergroup": "usrgrpid", "role": "roleid"}
NAMES = {"user": ("username", USER), "usergroup": ("name", USER_GROUP), "role": ("name", ROLE)}


@pytest.fixture
def where(each_zabbix: Lab) -> Lab:
    return each_zabbix


@pytest.fixture
def admin(where: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(where.zabbix_url, where.env["ZABBIX_USER"], where.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


def run(lab: Lab, command: str) -> subprocess.CompletedProcess[str]:
    return lab.run("argus", "zabbix", command, "--format", "json", timeout=120)


def one(admin: Zabbix, kind: str, name: str) -> str:
    field = NAMES[kind][0]
    (row,) = admin.read(f"{kind}.get", filter={field: [name]}, output=[IDS[kind]])
    return str(row[IDS[kind]])


def somebody(admin: Zabbix, username: str, role: str) -> str:
    """A user who is in a group of their own."""
    groups = [{"usrgrpid": one(admin, "usergroup", "Guests")}]
    password = secrets.token_urlsafe(16)
    made = admin.call("user.create", username=username, passwd=password, roleid=role, usrgrps=groups)
    return str(made["userids"][0])


@contextmanager
def renamed(admin: Zabbix, kind: str) -> Iterator[None]:
    """Ours has another name meanwhile, so that somebody's can have it."""
    field, name = NAMES[kind]
    ours = {IDS[kind]: one(admin, kind, name)}
    admin.call(f"{kind}.update", **ours, **{field: f"{name} of Argus"})
    try:
        yield
    finally:
        admin.call(f"{kind}.update", **ours, **{field: name})


@pytest.fixture(params=list(IDS))
def foreign(request: pytest.FixtureRequest, admin: Zabbix) -> Iterator[str]:
    """Somebody's user, group of users or role, of our name; what a refusal calls it."""
    kind, plain = request.param, one(admin, "role", "User role")
    with ExitStack() as meanwhile:
        for each in IDS if kind == "user" else [kind]:  # or the role would be found to be another user's
            meanwhile.enter_context(renamed(admin, each))
        made: list[tuple[str, str]] = []
        if kind == "user":
            made.append(("user", somebody(admin, USER, plain)))
        elif kind == "usergroup":
            users = [{"userid": one(admin, "user", "guest")}]
            group = admin.call("usergroup.create", name=USER_GROUP, users=users)["usrgrpids"][0]
            made.append(("usergroup", group))
        else:
            role = admin.call("role.create", name=ROLE, type=1)["roleids"][0]
            made += [("user", somebody(admin, f"plain-{secrets.token_hex(4)}", role)), ("role", role)]
        yield kind.replace("group", " group")
        for each, number in made:
            admin.call(f"{each}.delete", number)


def test_what_is_somebody_s_is_refused_before_anything_is_made(
    where: Lab, admin: Zabbix, foreign: str
) -> None:
    (board,) = admin.read("dashboard.get", filter={"name": [DASHBOARD]}, output=["dashboardid", "name"])
    admin.call("dashboard.update", dashboardid=board["dashboardid"], name="renamed by somebody")
    try:
        done = run(where, "apply")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert f"has a {foreign} " in done.stderr
        assert "that is not ours" in done.stderr
        assert not admin.read("dashboard.get", filter={"name": [DASHBOARD]}, output=["dashboardid"])
    finally:
        admin.call("dashboard.update", dashboardid=board["dashboardid"], name=DASHBOARD)


def action(admin: Zabbix) -> dict[str, Any]:
    (row,) = admin.read(
        "action.get",
        filter={"name": [REGISTRATIONS[0].action]},
        output=["actionid"],
        selectFilter="extend",
    )
    return dict(row)


def test_a_further_condition_of_registration_stays_and_ours_comes_back(where: Lab, admin: Zabbix) -> None:
    before = action(admin)
    ours = [{k: c[k] for k in ("conditiontype", "operator", "value")} for c in before["filter"]["conditions"]]
    theirs = {"conditiontype": "22", "operator": "2", "value": "cmp"}  # its host name contains
    number = {"actionid": before["actionid"]}
    try:
        admin.call("action.update", **number, filter={"evaltype": 1, "conditions": [*ours, theirs]})
        assert json.loads(run(where, "plan").stdout) == []
        admin.call("action.update", **number, filter={"evaltype": 1, "conditions": [theirs]})
        (change,) = json.loads(run(where, "apply").stdout)
        assert change["details"] == [f"lacks condition metadata {REGISTRATIONS[0].metadata}"]
        now = action(admin)["filter"]
        assert now["evaltype"] == "1"
        assert {c["value"] for c in now["conditions"]} == {theirs["value"], *(c["value"] for c in ours)}
    finally:
        admin.call("action.update", **number, filter={"evaltype": 0, "conditions": ours})
    assert json.loads(run(where, "plan").stdout) == []


def test_a_formula_of_somebody_s_own_is_joined_by_ours(where: Lab, admin: Zabbix) -> None:
    before = action(admin)
    ours = [{k: c[k] for k in ("conditiontype", "operator", "value")} for c in before["filter"]["conditions"]]
    theirs = [
        {"conditiontype": "22", "operator": "2", "value": value, "formulaid": letter}
        for value, letter in (("cmp", "A"), ("kvm", "B"))
    ]
    number = {"actionid": before["actionid"]}
    try:
        admin.call(
            "action.update", **number, filter={"evaltype": 3, "formula": "A or B", "conditions": theirs}
        )
        assert run(where, "apply").returncode == 0
        now = action(admin)["filter"]
        assert (now["evaltype"], len(now["conditions"])) == ("3", 3)
        assert now["formula"].endswith("and C") or " and (C)" in now["formula"], now["formula"]
    finally:
        admin.call("action.update", **number, filter={"evaltype": 0, "conditions": ours})
    assert json.loads(run(where, "plan").stdout) == []


def rules(admin: Zabbix) -> dict[str, Any]:
    (row,) = admin.read("role.get", filter={"name": [ROLE]}, output=["roleid"], selectRules="extend")
    return dict(row["rules"])


def test_what_the_role_may_in_addition_stays_when_it_gets_what_it_lacks(where: Lab, admin: Zabbix) -> None:
    role, before = one(admin, "role", ROLE), rules(admin)
    fewer = sorted({*before["api"], "script.get"} - {"trend.get"})
    more = {"ui": [{"name": "monitoring.hosts", "status": 1}], "api": fewer}
    try:
        admin.call("role.update", roleid=role, rules=more)
        (change,) = json.loads(run(where, "apply").stdout)
        assert change["details"] == ["lacks trend.get"]
        now = rules(admin)
        assert {"script.get", "trend.get"} <= set(now["api"])
        assert {"name": "monitoring.hosts", "status": "1"} in now["ui"]
    finally:
        back = {"ui": before["ui"], "api": before["api"]}
        admin.call("role.update", roleid=role, rules=back)
    assert json.loads(run(where, "plan").stdout) == []
