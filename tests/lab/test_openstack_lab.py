"""The lab's own control plane: it is whole, it works for a user, and Argus' role may read and not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus.probes.outcome import State
from argus.probes.swift_recon import SwiftRecon
from argus.probes.wire import Deadline
from stack.components.openstack.config import ADMIN, READER
from stack.components.openstack.ready import missing
from stack.components.openstack.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

    from stack.components.openstack.cloud import Cloud

pytestmark = pytest.mark.openstack


@pytest.fixture(scope="module")
def monitor(cloud: Cloud) -> Iterator[Connection]:
    with cloud.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def reader(cloud: Cloud) -> Iterator[Connection]:
    with cloud.connect(READER) as connection:
        yield connection


def test_storage_servers_are_looked_at_by_recon(cloud: Cloud) -> None:
    hosts = tuple(f"{HOST}:{cloud.lab.ports[f'swift-{kind}']}" for kind in ("account", "container", "object"))
    found = SwiftRecon(hosts).run(Deadline(10.0))
    assert {(part.state, part.message) for part in found.parts} == {
        (State.DEGRADED, "d1 is not mounted")  # in the lab it is a folder
    }


def test_every_service_reports(cloud: Cloud) -> None:
    with cloud.connect(ADMIN) as connection:
        assert missing(connection) == []


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
    monitor: Connection, reader: Connection, service: str, path: str, version: str
) -> None:
    def status(who: Connection) -> int:
        answer = who.session.get(
            path,
            endpoint_filter={"service_type": service},
            headers={"OpenStack-API-Version": version} if version else {},
            raise_exc=False,
        )
        return int(answer.status_code)

    assert (status(monitor), status(reader)) == (200, 403)


def test_the_monitoring_identity_cannot_change_anything(monitor: Connection) -> None:
    (service,) = monitor.compute.services(binary="nova-compute", host="cmp1")
    answer = monitor.compute.put(
        f"/os-services/{service.id}", json={"status": "disabled"}, microversion="2.53"
    )
    assert answer.status_code == 403
