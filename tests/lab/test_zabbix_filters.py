"""What an administrator leaves out by a macro is not discovered, and the rest is."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from fed_host import FedHost, fed_hosts

from argus.catalogue import node_nic
from argus.zabbix.api import Zabbix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab
LEFT_OUT = "{$ARGUS.NODE.NIC.NOT_MATCHES}"
DOCUMENT = {node_nic.LINK.entity.plural: [{"nic": nic, node_nic.LINK.field: 1} for nic in ("eno1", "dummy0")]}


@pytest.fixture
def node(lab: Lab) -> Iterator[FedHost]:
    """A node whose administrator wants no NIC that begins with ``dummy``."""
    login = (lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"])
    name = f"filtered-{secrets.token_hex(4)}"
    with Zabbix.login(*login) as zabbix, fed_hosts(zabbix, lab.zabbix_server, ("node", name)) as (host,):
        (row,) = host.rows(output=["hostid"])
        zabbix.call("usermacro.create", hostid=row["hostid"], macro=LEFT_OUT, value="^dummy")
        yield host


def test_a_nic_that_a_macro_leaves_out_has_no_items(lab: Lab, node: FedHost) -> None:
    wanted, unwanted = (node_nic.LINK.zabbix_key.replace("{#NIC}", nic) for nic in ("eno1", "dummy0"))
    lab.wait_until(lambda: node.send(DOCUMENT) and node.newest(wanted), timeout=60, every=2)
    keys = {row["key_"] for row in node.zabbix.read("item.get", host=node.host, output=["key_"])}
    assert wanted in keys
    assert unwanted not in keys
