"""The hosts of guests in a real Zabbix follow the guests, with the rights of the correlator's own token."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from fed_host import FedHost, fed_hosts

from argus import config, guests, site
from argus.catalogue import allocation, guest_info, guest_state, libvirt
from argus.correlator.guest_life import Terms
from argus.store import guests as memory
from argus.store import schema, snapshots
from argus.store.engine import open_store
from argus.zabbix.api import Zabbix
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.guest_groups import GuestGroups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

ZONE = "az-lab"
NODE = f"life-{uuid.uuid4().hex[:8]}"
# The lab's agents send every 5 seconds.
TERMS = Terms(fresh=12, disable_after=1, remove_after=1, share=0.1, group_by=("project",))


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


@pytest.fixture
def keeper(lab: Lab, tmp_path: Path) -> Iterator[site.Site]:
    """The lab's installation, with a memory of its own and hasty terms."""
    store = open_store(f"sqlite:///{tmp_path}/argus.db")
    schema.upgrade(store)
    made = site.from_config(config.load(lab.env["ARGUS_CONFIG"]))
    assert made.guests
    parts = [["nova-compute", NODE, "up", "", 0.0, ZONE]]
    nova = {"cloud": "", "region": "", "name": "nova", "kind": "nova", "state": "up", "parts": parts}
    with store.write() as session:
        snapshots.put(session, "services", {"at": time.time(), "services": [nova]}, time.time())
    yield dataclasses.replace(made, store=store, guests=dataclasses.replace(made.guests, terms=TERMS))
    store.engine.dispose()
    made.store.engine.dispose()


def document(name: str, node: str, project: str) -> dict[str, Any]:
    return {
        guest_state.STATE.field: 1,
        guest_state.REASON.field: 101,
        guest_info.NAME.field: name,
        guest_info.NODE.field: node,
        guest_info.PROJECT_NAME.field: project,
        guest_info.FLAVOR.field: "m1.small",
    }


def report(node: FedHost, defined: int) -> None:
    node.feed({libvirt.UP.field: 1, allocation.GUESTS.field: defined, "agent_cycle_seconds": 0.1})


def host(guest: FedHost) -> dict[str, Any]:
    groups = {guest.zabbix.select_host_groups: ["name"]}
    (row,) = guest.rows(output=["name", "status"], selectTags=["tag", "value"], **groups)
    tags = {tag["tag"]: tag["value"] for tag in row["tags"]}
    names = {group["name"] for group in (row.get("hostgroups") or row["groups"])}
    return {"name": row["name"], "status": row["status"], "tags": tags, "groups": names}


def test_a_guest_from_its_first_report_to_its_end(lab: Lab, admin: Zabbix, keeper: site.Site) -> None:
    project = f"p-{uuid.uuid4().hex[:8]}"
    group = f"{GUESTS_GROUP}/project {project}"
    names = (("node", NODE), ("guest", str(uuid.uuid4())), ("guest", str(uuid.uuid4())))
    with fed_hosts(admin, lab.zabbix_server, *names) as (node, stays, goes):
        try:
            report(node, 2)
            for guest in (stays, goes):
                guest.feed(document("same name", NODE, project))
            lab.wait_until(lambda: goes.newest(guest_info.NODE.zabbix_key) == NODE, timeout=20)
            made = [change for change in GuestGroups(("project",)).plan(admin) if change.name == group]
            made[0].do()
            assert guests.keep_guests(keeper)
            _is_told_apart(stays, project, group)
            assert host(node)["tags"] == {"az": ZONE}
            _moves(lab, keeper, stays)
            _ends(lab, keeper, node, stays, goes)
        finally:
            _remove_group(admin, group)


def _is_told_apart(guest: FedHost, project: str, group: str) -> None:
    now = host(guest)
    assert now["name"] == f"same name ({guest.host})"
    assert now["tags"] == {"node": NODE, "project": project, "flavor": "m1.small", "az": ZONE}
    assert {group, GUESTS_GROUP} <= now["groups"]


def _moves(lab: Lab, keeper: site.Site, guest: FedHost) -> None:
    guest.feed(document("same name", "elsewhere", host(guest)["tags"]["project"]))
    lab.wait_until(lambda: guest.newest(guest_info.NODE.zabbix_key) == "elsewhere", timeout=20)
    guests.keep_guests(keeper)
    tags = host(guest)["tags"]
    assert (tags["node"], "az" in tags) == ("elsewhere", False), "nobody knows the zone of that node"
    with keeper.store.read() as session:
        ran = [row.node for row in memory.placements(session, guest.host)]
    assert ran == [NODE, "elsewhere"]


def _ends(lab: Lab, keeper: site.Site, node: FedHost, stays: FedHost, goes: FedHost) -> None:
    """It is silent, but nothing happens until its node says that it has one guest less."""
    project = host(stays)["tags"]["project"]

    def round_of_reports(defined: int) -> str:
        report(node, defined)
        stays.feed(document("same name", NODE, project))
        guests.keep_guests(keeper)
        return "".join(row["status"] for row in goes.rows(output=["status"]))

    silent_until = time.time() + TERMS.fresh + 3
    lab.wait_until(lambda: round_of_reports(2) and time.time() > silent_until, timeout=40, every=2)
    assert host(goes)["status"] == "0"
    lab.wait_until(lambda: round_of_reports(1) == "1", timeout=30, every=2)
    assert host(stays)["status"] == "0"
    lab.wait_until(lambda: round_of_reports(1) == "", timeout=30, every=2)
    with keeper.store.read() as session:
        assert [row.until is None for row in memory.placements(session, goes.host)] == [False]


def _remove_group(admin: Zabbix, name: str) -> None:
    for row in admin.read("hostgroup.get", filter={"name": [name]}, output=["groupid"]):
        admin.call("hostgroup.delete", row["groupid"])
