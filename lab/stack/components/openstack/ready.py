"""The point where the control plane works: everything that reports is reported up, and servers run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from stack.components.openstack.catalogue import connect
from stack.components.openstack.settings import COMPUTES
from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from openstack.connection import Connection

    from stack.lab import Lab

LIMIT = 150  # seconds
NOVA = {"nova-conductor", "nova-scheduler", *(f"nova-compute-{host}" for host in COMPUTES)}
NEUTRON = len(COMPUTES) + 3  # L2 on each, and DHCP, L3, metadata
CINDER = {"cinder-scheduler", "cinder-volume"}


def missing(cloud: Connection) -> list[str]:
    """What does not report, or is not known yet; empty when the control plane is whole."""
    compute = cloud.compute
    up = {(row.binary, row.host) for row in compute.services() if row.state == "up"}
    names = {f"{binary}-{host}" if binary == "nova-compute" else binary for binary, host in up}
    absent = sorted(NOVA - names)
    known = {row.name for row in compute.hypervisors(details=False)}
    absent += [f"hypervisor {host}" for host in COMPUTES if host not in known]
    providers = {row.name for row in cloud.placement.resource_providers()}
    absent += [f"resource provider {host}" for host in COMPUTES if host not in providers]
    alive = sum(agent.is_alive for agent in cloud.network.agents())
    absent += [f"{NEUTRON - alive} neutron agents"] if alive < NEUTRON else []
    absent += sorted(CINDER - {row.binary for row in cloud.block_storage.services() if row.state == "up"})
    absent += [] if _engines(cloud) else ["heat-engine"]
    return absent


def _engines(cloud: Connection) -> int:
    answer = cloud.orchestration.get("/services")
    rows = answer.json().get("services", []) if answer.ok else []
    return sum(row["status"] == "up" for row in rows)


class OpenstackReady:
    name = "openstack-ready"
    needs: tuple[str, ...]

    def __init__(self, needs: tuple[str, ...]) -> None:
        self.needs = needs

    def start(self, lab: Lab) -> str:
        end = time.monotonic() + LIMIT
        while True:
            self._all_run(lab)
            try:
                return self.check(lab)
            except DownError as down:
                if time.monotonic() >= end:
                    raise LabError(f"not whole after {LIMIT} s: {down}") from None
            time.sleep(1)

    def check(self, lab: Lab) -> str:
        try:
            with connect(lab) as cloud:
                absent = missing(cloud)
        except (SDKException, ClientException) as failure:
            raise DownError(str(failure)) from None
        if absent:
            raise DownError(f"not up: {', '.join(absent)}")
        return f"nova {len(NOVA)}, neutron {NEUTRON}, cinder {len(CINDER)} and heat report, all up"

    def stop(self, lab: Lab) -> None:
        """It only asks."""

    def _all_run(self, lab: Lab) -> None:
        """Raises LabError for a service that ended, as it does when it dislikes its configuration."""
        for name in set(self.needs) & set(lab.processes.names()):
            if lab.processes.pid(name) is None:
                raise LabError(f"{name} ended after its start", lab.processes.log(name))
