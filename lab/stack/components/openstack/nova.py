"""Nova: API, conductor, scheduler and three computes on the lab's virt driver (lab/cloud/argus_fake.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.policies import policy
from stack.components.openstack.rabbitmq import has_consumers
from stack.components.openstack.service import Schema, Service, answers_at, configured
from stack.components.openstack.settings import (
    COMPUTES,
    CONTROLLER,
    DOWN_TIME,
    HOST,
    REGION,
    REPORT_INTERVAL,
    client,
    common,
    database,
    ini,
    messages,
    state,
    url,
    venv,
)
from stack.errors import DownError

if TYPE_CHECKING:
    from pathlib import Path

    from stack.components.openstack.settings import Sections
    from stack.lab import Lab

RATIOS = {"cpu_allocation_ratio": 4.0, "ram_allocation_ratio": 1.5, "disk_allocation_ratio": 1.0}

# The default of 20 cores would end every boot long before the nodes are full.
QUOTA: dict[str, object] = {"instances": 200, "cores": 400, "ram": 1 << 20}


def files(lab: Lab) -> dict[str, str]:
    shared = _shared(lab)
    databases: Sections = {
        "api_database": {"connection": database(lab, "nova_api")},
        "database": {"connection": database(lab, "nova")},
    }
    # computes must not have a database
    return {
        "nova/nova.conf": ini({**shared, **databases}),
        "nova/compute.conf": ini(shared),
        **{f"nova/{host}.conf": ini(_compute(lab, host)) for host in COMPUTES},
    }


def _shared(lab: Lab) -> Sections:
    user = client(lab)
    return {
        "DEFAULT": {
            **messages(lab),
            "host": CONTROLLER,
            "my_ip": HOST,
            "state_path": state(lab) / "nova",
            "osapi_compute_listen": HOST,
            "osapi_compute_listen_port": lab.ports["nova-api"],
            "osapi_compute_workers": 1,
            "report_interval": REPORT_INTERVAL,
            "service_down_time": DOWN_TIME,
            "allow_resize_to_same_host": True,
            "update_resources_interval": 15,
            "rpc_response_timeout": 20,
            "reserved_host_memory_mb": 512,
            **RATIOS,
        },
        "wsgi": {"api_paste_config": venv(lab) / "etc" / "nova" / "api-paste.ini"},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 5},
        "glance": {"endpoint_override": url(lab, "glance-api"), "valid_interfaces": "internal"},
        "cinder": {"os_region_name": REGION, "catalog_info": "block-storage:cinder:internalURL"},
        "quota": QUOTA,
        "vnc": {"enabled": False},
        "placement": user,
        "neutron": user,
        "service_user": {**user, "send_service_user_token": True},
        **common(lab),
        **policy("nova"),
    }


def _compute(lab: Lab, host: str) -> Sections:
    folder = state(lab) / f"nova-{host}"
    return {
        "DEFAULT": {"host": host, "state_path": folder, "compute_driver": "argus_fake.ArgusFakeDriver"},
        "oslo_concurrency": {"lock_path": folder / "lock"},
    }


def _schema(lab: Lab) -> list[list[str | Path]]:
    cell0 = ["--database_connection", database(lab, "nova_cell0")]
    return [
        ["nova-manage", "api_db", "sync"],
        ["nova-manage", "cell_v2", "map_cell0", *cell0],
        ["nova-manage", "db", "sync"],
        ["nova-manage", "cell_v2", "create_cell", "--name", "cell1"],
    ]


def _conductor_listens(lab: Lab) -> str:
    if not has_consumers(lab, "conductor"):
        raise DownError("does not listen on its queue")
    return "listens on its queue"


NOVA_DB = Schema("nova-db", ("mariadb", "openstack-venv", "openstack-config"), "nova/nova.conf", _schema)
# They leave when their user cannot log in: the catalogue first.
AFTER = ("nova-db", "rabbitmq", "keystone-catalogue", "memcached")
CONDUCTOR = Service(
    "nova-conductor",
    AFTER,
    configured("nova-conductor", "nova/nova.conf"),
    _conductor_listens,
    ("nova/nova.conf",),
)
SCHEDULER = Service(
    "nova-scheduler", AFTER, configured("nova-scheduler", "nova/nova.conf"), None, ("nova/nova.conf",)
)
API = Service(
    "nova-api",
    (*AFTER, "haproxy"),
    configured("nova-api-os-compute", "nova/nova.conf"),
    answers_at("nova-api"),
    ("nova/nova.conf",),
)
# A compute that starts before the conductor answers loses 10 s.
NOVA_COMPUTES = tuple(
    Service(
        f"nova-compute-{host}",
        ("nova-conductor", "placement-1"),
        configured("nova-compute", "nova/compute.conf", f"nova/{host}.conf"),
        None,
        ("nova/compute.conf", f"nova/{host}.conf"),
    )
    for host in COMPUTES
)
NOVA = (CONDUCTOR, SCHEDULER, API, *NOVA_COMPUTES)
