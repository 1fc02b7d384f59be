"""Where the control plane is, and the sections that many of its configuration files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stack.lab import Lab

Sections = dict[str, dict[str, object]]

HOST = "127.0.0.1"
REGION = "RegionOne"
CONTROLLER = "ctl1"
NETWORKER = "net1"
COMPUTES = ("cmp1", "cmp2", "cmp3")
SERVICE_USER = "service"  # one for all services: their rights are the same in most installations
DATABASE_USER = "openstack"
# Silent for that long, a service is reported down; the defaults (60 and 75 s) would make slow tests.
REPORT_INTERVAL = 2
DOWN_TIME = 12


def home(lab: Lab) -> Path:
    return lab.run / "openstack"


def etc(lab: Lab) -> Path:
    return home(lab) / "etc"


def state(lab: Lab) -> Path:
    return home(lab) / "state"


def venv(lab: Lab) -> Path:
    return home(lab) / "venv"


def url(lab: Lab, port: str) -> str:
    """Straight to the process that listens on the port of that name."""
    return f"http://{HOST}:{lab.ports[port]}"


def public_url(lab: Lab, service: str) -> str:
    """Through the balancer, as users come."""
    return url(lab, f"haproxy:{service}")


def identity_url(lab: Lab) -> str:
    return url(lab, "keystone") + "/v3"


def database(lab: Lab, name: str) -> str:
    return f"mysql+pymysql://{DATABASE_USER}:{lab.password('mariadb')}@{HOST}:{lab.ports['mariadb']}/{name}"


def ini(sections: Mapping[str, Mapping[str, object]]) -> str:
    """The text of an oslo.config file."""
    blocks = []
    for section, options in sections.items():
        lines = [f"{name} = {value}" for name, value in options.items()]
        blocks.append("\n".join([f"[{section}]", *lines, ""]))
    return "\n".join(blocks)


def logs() -> dict[str, object]:
    """To standard error, which is the log of the process."""
    return {"use_stderr": True, "log_dir": ""}


def messages(lab: Lab) -> dict[str, object]:
    password = lab.password("rabbitmq")
    return {"transport_url": f"rabbit://openstack:{password}@{HOST}:{lab.ports['rabbitmq']}/", **logs()}


def client(lab: Lab) -> dict[str, object]:
    """How a service logs in to call others."""
    return {
        "auth_type": "password",
        "auth_url": identity_url(lab),
        "project_domain_id": "default",
        "user_domain_id": "default",
        "project_name": "service",
        "username": SERVICE_USER,
        "password": lab.password("openstack-service"),
        "region_name": REGION,
        "valid_interfaces": "internal",
    }


def common(lab: Lab) -> Sections:
    """Sections that every service has: how it checks tokens, and where it keeps lock files."""
    check = {name: value for name, value in client(lab).items() if name != "valid_interfaces"}
    return {
        "keystone_authtoken": {
            **check,
            "www_authenticate_uri": identity_url(lab),
            "interface": "internal",
            "memcached_servers": f"{HOST}:{lab.ports['memcached']}",
            "service_token_roles_required": True,
        },
        "oslo_concurrency": {"lock_path": state(lab) / "lock"},
    }
