"""All configuration of the control plane, as files below etc/; clouds.yaml and an env file for its users."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import yaml

from stack.components.openstack import (
    cinder,
    glance,
    heat,
    keystone,
    mariadb,
    neutron,
    nova,
    placement,
    swift,
)
from stack.components.openstack.settings import COMPUTES, HOST, REGION, etc, home, public_url, url
from stack.errors import DownError
from stack.lab import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab

MODULES = (cinder, glance, heat, keystone, neutron, nova, placement, swift)
ADMIN, MONITOR, READER = "argus-admin", "argus-monitor", "argus-reader"
# of each entry in clouds.yaml: its Keystone user, and the word in secrets.json
USERS = {
    ADMIN: ("admin", "openstack-admin"),
    MONITOR: ("argus_monitor", "openstack-monitor"),
    READER: ("argus_reader", "openstack-reader"),
}
PLACES = (
    *("state/lock", "state/nova", "state/neutron", "state/glance/images", "state/cinder/volumes"),
    *(f"state/nova-{host}" for host in COMPUTES),
)


def clouds_yaml(lab: Lab) -> Path:
    return home(lab) / "clouds.yaml"


def cloud_env(lab: Lab) -> dict[str, str]:
    """What a person or a test needs to talk to the control plane and to what it stands on."""
    monitor = lab.password("openstack-monitor")
    at = {name: f"{HOST}:{lab.ports[name]}" for name in ("mariadb", "memcached", "rabbitmq:management")}
    return {
        "OS_CLIENT_CONFIG_FILE": str(clouds_yaml(lab)),
        "OS_CLOUD": MONITOR,
        "MARIADB_URL": f"mysql+pymysql://{mariadb.MONITOR}:{monitor}@{at['mariadb']}/",
        "RABBITMQ_URL": f"http://{mariadb.MONITOR}:{monitor}@{at['rabbitmq:management']}/",
        "MEMCACHED": at["memcached"],
        "HAPROXY_URL": url(lab, "haproxy") + "/",
    }


class OpenstackConfig:
    name = "openstack-config"
    needs = ()

    def start(self, lab: Lab) -> str:
        count = 0
        for place in PLACES:
            (home(lab) / place).mkdir(parents=True, exist_ok=True)
        for module in MODULES:
            for name, text in module.files(lab).items():
                path = etc(lab) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_private(path, text)
                count += 1
        write_private(clouds_yaml(lab), yaml.safe_dump({"clouds": _clouds(lab)}, sort_keys=False))
        env = [f"export {name}={shlex.quote(value)}\n" for name, value in cloud_env(lab).items()]
        write_private(home(lab) / "env", "".join(env))
        return f"{count} files in {etc(lab)}"

    def check(self, lab: Lab) -> str:
        if not clouds_yaml(lab).exists():
            raise DownError(f"{clouds_yaml(lab)} is missing")
        return str(clouds_yaml(lab))

    def stop(self, lab: Lab) -> None:
        """Files only."""


def _clouds(lab: Lab) -> dict[str, object]:
    def entry(user: str, password: str) -> dict[str, object]:
        auth = {
            "auth_url": public_url(lab, "keystone") + "/v3",
            "username": user,
            "password": lab.password(password),
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        return {"auth": auth, "region_name": REGION}

    return {name: entry(*of) for name, of in USERS.items()}
