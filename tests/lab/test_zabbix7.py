"""Argus and a real Zabbix 7.0: Debian 13's packages, beside the 6.0 of the lab."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from zabbix_items import items

from argus.catalogue import allocation, correlator, libvirt
from argus.zabbix import certified_hosts
from argus.zabbix.api import Zabbix
from argus.zabbix.desired import CORRELATOR, GUESTS_GROUP, HOST_GROUPS
from argus.zabbix.feeds import read_node_values, read_problems
from argus.zabbix.templates import import_rules
from argus_agent.settings import Address
from argus_agent.zabbix_protocol import Value, exchange, parse_taken, sender_data, split_time
from stack.lab import TOP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.zabbix7


@pytest.fixture(scope="module", autouse=True)
def _registered(lab7: Lab) -> None:
    """The server's agent has registered node and guests."""
    with administrator(lab7) as zabbix:
        lab7.wait_until(lambda: all(hosts(zabbix, group) for group in HOST_GROUPS), timeout=60)
        lab7.wait_until(lambda: len(items(zabbix)) > 100, timeout=60)


@contextmanager
def administrator(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


def hosts(zabbix: Zabbix, group: str) -> list[Any]:
    groups = zabbix.read("hostgroup.get", filter={"name": [group]})
    found: list[Any] = zabbix.read("host.get", groupids=[row["groupid"] for row in groups], output=["host"])
    return found


def test_it_is_zabbix_7(lab7: Lab) -> None:
    with administrator(lab7) as zabbix:
        assert zabbix.version >= (7, 0)


def test_a_provisioned_server_needs_nothing(lab7: Lab) -> None:
    done = lab7.run("argus", "zabbix", "plan", "--format", "json", timeout=120)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


@pytest.mark.parametrize(
    "file", sorted((TOP / "zabbix_templates" / "7.0").glob("*.yaml")), ids=lambda f: f.stem
)
def test_a_committed_file_imported_by_hand_is_what_plan_wants(lab7: Lab, file: Path) -> None:
    with administrator(lab7) as zabbix:
        zabbix.call(
            "configuration.import", format="yaml", source=file.read_text(), rules=import_rules(zabbix)
        )
    done = lab7.run("argus", "zabbix", "plan", "--format", "json", timeout=120)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


def test_the_correlator_reads_problems_and_values_with_its_token(lab7: Lab) -> None:
    with Zabbix.with_token_file(lab7.zabbix_url, lab7.stack.run / "zabbix7" / "token") as zabbix:
        assert isinstance(read_problems(zabbix), tuple)
        assert "lab-node1" in {node.host for node in read_node_values(zabbix)}


def test_guests_of_a_node_with_a_certificate_come_as_it_comes(lab7: Lab) -> None:
    """By the correlator; values are sent while the node is still open, as the server has no TLS."""
    node, guest = f"node-{uuid.uuid4()}", str(uuid.uuid4())
    text = json.dumps({libvirt.UP.field: 1, allocation.GUESTS.field: 1, allocation.GUEST_UUIDS.field: guest})

    def told() -> bool:
        values = [Value(node, "argus.node.get", text, *split_time(time.time()))]
        server = Address(*lab7.zabbix_server)
        return parse_taken(exchange(server, sender_data(values, time.time()), 10)).failed == 0

    with administrator(lab7) as admin:
        assert certified_hosts.make_nodes(admin, [node], "", "") == [node]
        (row,) = admin.read("host.get", filter={"host": [node]}, output=["hostid"])
        (proxy,) = admin.call("proxy.create", name=node, operating_mode=0)["proxyids"]
        try:
            admin.call("host.update", hostid=row["hostid"], tls_accept=1)
            lab7.wait_until(told, timeout=30, every=1)
            lab7.wait_until(lambda: listed(admin, node), timeout=30)
            admin.call("host.update", hostid=row["hostid"], tls_accept=4, monitored_by=1, proxyid=proxy)
            (row,) = lab7.wait_until(lambda: guests(admin, guest), timeout=60)
            token = lab7.stack.run / "zabbix7" / "token"
            with Zabbix.with_token_file(lab7.zabbix_url, token) as ours:
                again = certified_hosts.keep(ours, 60, time.time(), 10, lambda: None)
        finally:
            for each in admin.read("host.get", filter={"host": [node, guest]}, output=["hostid"]):
                admin.call("host.delete", each["hostid"])
            admin.call("proxy.delete", proxy)
    assert (row["tls_accept"], row["monitored_by"], row["proxyid"]) == ("4", "1", proxy)
    assert again == 0


def test_the_correlator_keeps_names_and_tells_of_itself(lab7: Lab) -> None:
    def kept() -> bool:
        (group,) = zabbix.read("hostgroup.get", filter={"name": [GUESTS_GROUP]}, output=["groupid"])
        rows = zabbix.read("host.get", groupids=[group["groupid"]], output=["host", "name"])
        return bool(rows) and all(row["name"].endswith(f" ({row['host']})") for row in rows)

    def told() -> bool:
        (row,) = zabbix.read(
            "item.get", host=CORRELATOR, filter={"key_": correlator.OPEN.zabbix_key}, output=["lastclock"]
        )
        return float(row["lastclock"]) > time.time() - 60

    with administrator(lab7) as zabbix:
        lab7.wait_until(kept, timeout=60)
        lab7.wait_until(told, timeout=60)


def listed(zabbix: Zabbix, node: str) -> bool:
    """Whether the node's list of guests has been stored."""
    key = allocation.GUEST_UUIDS.zabbix_key
    return any(
        row["lastclock"] != "0"
        for row in zabbix.read("item.get", host=node, filter={"key_": key}, output=["lastclock"])
    )


def guests(zabbix: Zabbix, uuid: str) -> list[Any]:
    fields = ["tls_accept", "monitored_by", "proxyid"]
    return list(zabbix.read("host.get", filter={"host": [uuid]}, output=fields))
