"""The lab's own control plane: it is whole, it works for a user, and Argus' role may read and not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.components.openstack.config import ADMIN, READER
from stack.components.openstack.ready import missing

if TYPE_CHECKING:
    from openstack.connection import Connection

    from stack.components.openstack.cloud import Cloud
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.openstack


def compute_state(connection: Connection, host: str) -> str:
    (row,) = connection.compute.services(binary="nova-compute", host=host)
    return str(row.state)


def test_every_service_reports(cloud: Cloud) -> None:
    with cloud.connect(ADMIN) as connection:
        assert missing(connection) == []


def test_a_server_boots_on_a_node_and_goes(cloud: Cloud) -> None:
    with cloud.connect(ADMIN) as connection:
        server = connection.create_server(
            "passing", "cirros-fake", "m1.small", wait=True, timeout=90, network="net-a"
        )
        try:
            assert server.status == "ACTIVE"
            assert server.compute_host in {"cmp1", "cmp2", "cmp3"}
        finally:
            assert connection.delete_server(server.id, wait=True, timeout=90)


def test_guests_outlive_a_restart_of_their_compute(cloud: Cloud, lab: Lab) -> None:
    with cloud.connect(ADMIN) as connection:
        server = next(s for s in connection.compute.servers(all_projects=True) if s.name == "web1")
        cloud.kill(f"nova-compute-{server.compute_host}")
        cloud.start(f"nova-compute-{server.compute_host}")
        lab.wait_until(lambda: compute_state(connection, server.compute_host) == "up", 60)
        connection.compute.reboot_server(server, "HARD")
        connection.compute.wait_for_server(server, wait=60)


@pytest.mark.parametrize(
    ("service", "path", "version"),
    [
        ("compute", "/os-services", "compute 2.93"),
        ("compute", "/os-hypervisors/detail", "compute 2.87"),
        ("compute", "/os-aggregates", "compute 2.93"),
        ("compute", "/servers/detail?all_tenants=1", "compute 2.93"),
        ("compute", "/os-migrations", "compute 2.93"),
        ("placement", "/resource_providers", "placement 1.39"),
        ("placement", "/allocation_candidates?resources=VCPU:1", "placement 1.39"),
        ("identity", "/services", ""),
        ("identity", "/projects", ""),
    ],
)
def test_the_policy_files_open_what_argus_reads_to_its_role_alone(
    cloud: Cloud, service: str, path: str, version: str
) -> None:
    def status(who: str) -> int:
        with cloud.connect(who) as connection:
            answer = connection.session.get(
                path,
                endpoint_filter={"service_type": service},
                headers={"OpenStack-API-Version": version} if version else {},
                raise_exc=False,
            )
            return int(answer.status_code)

    assert (status("argus-monitor"), status(READER)) == (200, 403)


def test_the_monitoring_identity_cannot_change_anything(cloud: Cloud) -> None:
    with cloud.connect() as connection:
        (service,) = connection.compute.services(binary="nova-compute", host="cmp1")
        answer = connection.compute.put(
            f"/os-services/{service.id}", json={"status": "disabled"}, microversion="2.53"
        )
        assert answer.status_code == 403
