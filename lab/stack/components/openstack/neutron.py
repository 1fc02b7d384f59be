"""Neutron: server and metadata agent as they are; L2, DHCP and L3 agents as far as they report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.packages import CLOUD
from stack.components.openstack.policies import policy
from stack.components.openstack.service import Schema, Service, answers_at, configured
from stack.components.openstack.settings import (
    COMPUTES,
    DOWN_TIME,
    HOST,
    NETWORKER,
    client,
    common,
    database,
    etc,
    ini,
    messages,
    state,
    venv,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    server: dict[str, dict[str, object]] = {
        "DEFAULT": {
            **messages(lab),
            "host": NETWORKER,
            "bind_host": HOST,
            "bind_port": lab.ports["neutron-server"],
            "core_plugin": "ml2",
            "service_plugins": "router",
            "api_workers": 1,
            "rpc_workers": 1,
            "rpc_state_report_workers": 0,
            "agent_down_time": DOWN_TIME,
            "api_paste_config": venv(lab) / "etc" / "neutron" / "api-paste.ini",
            "state_path": state(lab) / "neutron",
            "notify_nova_on_port_status_changes": False,
            "notify_nova_on_port_data_changes": False,
            "dhcp_agents_per_network": 1,
        },
        "agent": {"report_interval": 3, "root_helper": ""},
        "database": {"connection": database(lab, "neutron")},
        "nova": client(lab),
        "placement": client(lab),
        **common(lab),
        **policy("neutron"),
    }
    plugin: dict[str, dict[str, object]] = {
        "ml2": {
            "type_drivers": "flat,vlan,vxlan",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security",
        },
        "ml2_type_vxlan": {"vni_ranges": "1:1000"},
        "ml2_type_flat": {"flat_networks": "*"},
    }
    metadata: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "nova_metadata_host": HOST,
            "metadata_proxy_shared_secret": lab.password("openstack-service"),
            "metadata_workers": 1,
            "metadata_proxy_socket": state(lab) / "metadata.sock",
        }
    }
    return {
        "neutron/neutron.conf": ini(server),
        "neutron/ml2.ini": ini(plugin),
        "neutron/metadata.ini": ini(metadata),
    }


def _reports(kind: str, host: str) -> Callable[[Lab], list[str | Path]]:
    def argv(lab: Lab) -> list[str | Path]:
        script = CLOUD / "neutron_agent.py"
        return ["python", script, "--config-file", etc(lab) / "neutron/neutron.conf", kind, host]

    return argv


NEUTRON_DB = Schema(
    "neutron-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "neutron/neutron.conf",
    lambda _lab: [["neutron-db-manage", "upgrade", "heads"]],
)
SERVER_FILES = ("neutron/neutron.conf", "neutron/ml2.ini")
SERVER = Service(
    "neutron-server",
    ("neutron-db", "rabbitmq", "keystone-catalogue", "haproxy"),
    configured("neutron-server", *SERVER_FILES),
    answers_at("neutron-server"),
    SERVER_FILES,
)
METADATA_FILES = ("neutron/neutron.conf", "neutron/metadata.ini")
METADATA = Service(
    f"neutron-metadata-{NETWORKER}",
    ("neutron-server",),
    configured("neutron-metadata-agent", *METADATA_FILES),
    None,
    METADATA_FILES,
)
AGENTS = tuple(
    Service(
        f"neutron-{kind}-{host}", ("neutron-server",), _reports(kind, host), None, ("neutron/neutron.conf",)
    )
    for kind, host in (*(("ovs", host) for host in COMPUTES), ("dhcp", NETWORKER), ("l3", NETWORKER))
)
NEUTRON = (SERVER, METADATA, *AGENTS)
