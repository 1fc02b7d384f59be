"""The lab's own control plane: it is whole, it works for a user, and it notices what is done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stack.components.openstack.config import ADMIN, READER
from stack.components.openstack.ready import missing
from stack.components.openstack.settings import DOWN_TIME

if TYPE_CHECKING:
    from openstack.connection import Connection

    from stack.components.openstack.cloud import Cloud
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.openstack
NOTICED = DOWN_TIME + 30  # the service's own time, and what a slow machine may add


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


@pytest.mark.faults
def test_a_killed_compute_is_reported_down_and_comes_back(cloud: Cloud, lab: Lab) -> None:
    with cloud.connect() as connection:
        pid = cloud.pid("nova-compute-cmp2")
        cloud.kill("nova-compute-cmp2")
        lab.wait_until(lambda: compute_state(connection, "cmp2") == "down", NOTICED)
        cloud.start("nova-compute-cmp2")
        assert cloud.pid("nova-compute-cmp2") != pid
        lab.wait_until(lambda: compute_state(connection, "cmp2") == "up", 60)


def test_guests_outlive_a_restart_of_their_compute(cloud: Cloud, lab: Lab) -> None:
    with cloud.connect(ADMIN) as connection:
        server = next(s for s in connection.compute.servers(all_projects=True) if s.name == "web1")
        cloud.kill(f"nova-compute-{server.compute_host}")
        cloud.start(f"nova-compute-{server.compute_host}")
        lab.wait_until(lambda: compute_state(connection, server.compute_host) == "up", 60)
        connection.compute.reboot_server(server, "HARD")
        connection.compute.wait_for_server(server, wait=60)


def test_a_stopped_agent_is_reported_dead_and_comes_back(cloud: Cloud, lab: Lab) -> None:
    def alive() -> bool:
        (agent,) = connection.network.agents(host="cmp3")
        return bool(agent.is_alive)

    with cloud.connect() as connection:
        assert alive()
        cloud.stop("neutron-ovs-cmp3")
        try:
            lab.wait_until(lambda: not alive(), NOTICED)
        finally:
            cloud.cont("neutron-ovs-cmp3")
        lab.wait_until(alive, 60)


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


def test_one_of_two_behind_the_balancer_may_fail(cloud: Cloud, lab: Lab) -> None:
    with cloud.connect() as connection:
        cloud.kill("placement-2")
        try:
            lab.wait_until(lambda: len(list(connection.placement.resource_providers())) == 3, 30)
        finally:
            cloud.start("placement-2")
