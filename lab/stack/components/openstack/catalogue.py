"""What Keystone has to know: the services and where they are, their user, and who may look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openstack
from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException
from openstack.identity.v3._proxy import Proxy

from stack.components.openstack.config import ADMIN, MONITOR, READER, USERS, clouds_yaml
from stack.components.openstack.settings import REGION, SERVICE_USER, identity_url, public_url, url
from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.identity.v3.project import Project

    from stack.lab import Lab

# name, type, process that answers, what follows its address
ENDPOINTS = (
    ("placement", "placement", "placement", ""),
    ("nova", "compute", "nova-api", "/v2.1"),
    ("glance", "image", "glance-api", ""),
    ("neutron", "network", "neutron-server", ""),
    ("cinder", "block-storage", "cinder-api", "/v3"),
    ("heat", "orchestration", "heat-api", "/v1/%(project_id)s"),
    ("swift", "object-store", "swift-proxy", "/v1/AUTH_%(project_id)s"),
)
# Roles on the project admin. argus_monitor means something where etc/openstack/ is installed.
ROLES = {MONITOR: ("reader", "argus_monitor"), READER: ("reader",)}


def connect(lab: Lab, cloud: str = ADMIN) -> Connection:
    """A client with an identity of clouds.yaml; nothing is asked yet."""
    config = openstack.config.OpenStackConfig(config_files=[str(clouds_yaml(lab))], load_envvars=False)
    return openstack.connection.Connection(
        config=config.get_one(cloud, api_timeout=30), compute_default_microversion="2.90"
    )


def identity(cloud: Connection) -> Proxy:
    """Keystone's v3 API; the library knows the second one too."""
    assert isinstance(cloud.identity, Proxy)
    return cloud.identity


class KeystoneCatalogue:
    name = "keystone-catalogue"
    needs = ("keystone",)

    def start(self, lab: Lab) -> str:
        try:
            with connect(lab) as cloud:
                self._users(lab, cloud)
                for name, kind, process, path in ENDPOINTS:
                    self._service(lab, cloud, name, kind, process, path)
        except (SDKException, ClientException) as failure:
            raise LabError(f"Keystone: {failure}", lab.processes.log("keystone")) from None
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        try:
            with connect(lab, MONITOR) as cloud:
                services = list(identity(cloud).services())
        except (SDKException, ClientException) as failure:
            raise DownError(f"Keystone: {failure}") from None
        return f"{len(services)} services at {identity_url(lab)}"

    def stop(self, lab: Lab) -> None:
        """Rows in Keystone's tables only."""

    def _users(self, lab: Lab, cloud: Connection) -> None:
        keystone = identity(cloud)
        roles = {role.name: role for role in keystone.roles()}
        for name in ("admin", "service", "reader", "argus_monitor"):
            roles[name] = roles.get(name) or keystone.create_role(name=name)
        project = {p.name: p for p in keystone.projects()}
        service = project.get("service") or keystone.create_project(name="service", domain_id="default")
        wanted: list[tuple[str, str, Project, tuple[str, ...]]] = [
            (SERVICE_USER, "openstack-service", service, ("admin", "service"))
        ]
        wanted += [(*USERS[name], project["admin"], given) for name, given in ROLES.items()]
        known = {user.name: user for user in keystone.users()}
        for name, password, at, given in wanted:
            user = known.get(name) or keystone.create_user(name=name, password=lab.password(password))
            for role in given:
                keystone.assign_project_role_to_user(at, user, roles[role])

    def _service(self, lab: Lab, cloud: Connection, name: str, kind: str, process: str, path: str) -> None:
        keystone = identity(cloud)
        service = keystone.find_service(name) or keystone.create_service(name=name, type=kind)
        found = keystone.endpoints(service_id=service.id, region_id=REGION)
        known = {endpoint.interface: endpoint for endpoint in found}
        direct = url(lab, "placement-1" if process == "placement" else process)
        for interface, address in (("public", public_url(lab, process)), ("internal", direct)):
            if interface not in known:
                keystone.create_endpoint(
                    service_id=service.id, interface=interface, url=address + path, region_id=REGION
                )
            elif known[interface].url != address + path:  # the lab got other ports
                keystone.update_endpoint(known[interface], url=address + path)
