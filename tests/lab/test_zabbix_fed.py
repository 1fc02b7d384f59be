"""Services and fleets are hosts in a real Zabbix: made by the correlator's own token, and fed."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from told_cloud import service

from argus import config, reporting, service_hosts, site
from argus.catalogue import openstack_service
from argus.store import schema, snapshots
from argus.store.engine import open_store
from argus.zabbix.api import Zabbix
from argus.zabbix.desired import SERVICES_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

CLOUD = f"fed{uuid.uuid4().hex[:6]}"
HOST = f"Argus service {CLOUD} RegionOne nova"
ROUND = service(CLOUD)


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix
        for row in zabbix.read("host.get", filter={"host": [HOST]}, output=["hostid"]):
            zabbix.call("host.delete", row["hostid"])


@pytest.fixture
def reporter(lab: Lab, tmp_path: Path) -> Iterator[site.Site]:
    """The lab's installation, in whose database there is one round of probes."""
    store = open_store(f"sqlite:///{tmp_path}/argus.db")
    schema.upgrade(store)
    with store.write() as session:
        snapshots.put(session, "services", {"at": time.time(), "services": [ROUND]}, time.time())
    made = site.from_config(config.load(lab.env["ARGUS_CONFIG"]))
    yield dataclasses.replace(made, store=store)
    store.engine.dispose()
    made.store.engine.dispose()


def values(admin: Zabbix) -> dict[str, str]:
    rows = admin.read("item.get", host=HOST, output=["key_", "lastvalue", "lastclock"])
    return {row["key_"]: row["lastvalue"] for row in rows if row["lastclock"] != "0"}


def test_a_service_becomes_a_host_with_its_state_and_its_instances(
    lab: Lab, admin: Zabbix, reporter: site.Site
) -> None:
    down = openstack_service.INSTANCE_UP.zabbix_key.replace("{#INSTANCE}", "nova-compute@n2")
    lab.wait_until(lambda: reporting.report(reporter) and down in values(admin), timeout=60, every=2)
    told = values(admin)
    assert told[openstack_service.STATUS.zabbix_key] == "1"
    assert float(told[openstack_service.LATENCY.zabbix_key]) == 0.25
    assert (
        told[openstack_service.INSTANCES.zabbix_key],
        told[openstack_service.INSTANCES_UP.zabbix_key],
    ) == (
        "2",
        "1",
    )
    assert told[down] == "0"
    assert not any("n3" in key for key in told), "an instance that is switched off on purpose is not listed"
    assert described(admin) == {
        "name": f"{CLOUD}/RegionOne/nova (service)",
        "tags": {"cloud": CLOUD, "region": "RegionOne", "service": "nova"},
        "groups": {SERVICES_GROUP},
    }


def test_the_host_of_a_service_that_is_gone_is_disabled_and_removed_and_comes_back_with_it(
    lab: Lab, admin: Zabbix, reporter: site.Site
) -> None:
    keystone = {**ROUND, "name": "keystone", "kind": "keystone", "state": "up", "parts": []}

    def status() -> list[str]:
        return [row["status"] for row in admin.read("host.get", filter={"host": [HOST]}, output=["status"])]

    def keep(*services: dict[str, Any]) -> list[str]:
        """One run on this round, in which what is gone may go at once."""
        with reporter.store.write() as session:
            snapshots.put(session, "services", {"at": time.time(), "services": services}, time.time())
        assert reporter.zabbix is not None
        with reporter.zabbix.session() as zabbix:
            service_hosts.keep(reporter, zabbix, 0.0, 0.0, lambda: None)
        return status()

    lab.wait_until(lambda: reporting.report(reporter) and status() == ["0"], timeout=60, every=2)
    assert keep({**keystone, "state": "down"}) == ["0"], "without Keystone nothing is known to be gone"
    assert keep(keystone) == ["1"]
    assert keep(keystone, ROUND) == ["0"]
    assert keep(keystone) == ["1"]
    assert keep(keystone) == []


def described(admin: Zabbix) -> dict[str, Any]:
    groups = {admin.select_host_groups: ["name"]}
    (row,) = admin.read(
        "host.get", filter={"host": [HOST]}, output=["name"], selectTags=["tag", "value"], **groups
    )
    return {
        "name": row["name"],
        "tags": {tag["tag"]: tag["value"] for tag in row["tags"]},
        "groups": {group["name"] for group in (row.get("hostgroups") or row["groups"])},
    }


def test_a_host_of_that_name_that_is_not_ours_is_left_alone(
    lab: Lab, admin: Zabbix, reporter: site.Site, caplog: pytest.LogCaptureFixture
) -> None:
    (group,) = admin.call("hostgroup.create", name=f"theirs {CLOUD}")["groupids"]
    admin.call("host.create", host=HOST, groups=[{"groupid": group}])
    try:
        # the server may still take values for a host of that name that was deleted a moment ago
        said = f"host {HOST} is not ours"
        lab.wait_until(lambda: reporting.report(reporter) and said in caplog.text, timeout=30)
        assert described(admin)["groups"] == {f"theirs {CLOUD}"}
    finally:
        for row in admin.read("host.get", filter={"host": [HOST]}, output=["hostid"]):
            admin.call("host.delete", row["hostid"])
        admin.call("hostgroup.delete", group)
