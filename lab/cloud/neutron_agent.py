"""What neutron-server sees of an L2, DHCP or L3 agent: its state reports, by neutron's RPC. It wires nothing.

The real agents need Open vSwitch and namespaces of their own. One process is one agent: killed or stopped, it
is silent, and neutron-server itself finds it dead after agent_down_time.

    neutron_agent.py --config-file neutron.conf KIND HOST
"""

from __future__ import annotations

import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from neutron_lib import context, rpc
from neutron_lib.agent import topics
from oslo_config import cfg
from oslo_messaging import MessagingException, Target, set_transport_defaults

EVERY = 3  # seconds
STATE_NAMESPACE = None  # neutron_lib.constants.RPC_NAMESPACE_STATE
ISO8601 = "%Y-%m-%dT%H:%M:%S.%f"
KINDS: dict[str, dict[str, Any]] = {
    "ovs": {
        "agent_type": "Open vSwitch agent",
        "binary": "neutron-openvswitch-agent",
        "topic": "N/A",
        "configurations": {
            "bridge_mappings": {"physnet1": "br-ex"},
            "tunnel_types": ["vxlan"],
            "tunneling_ip": "127.0.0.1",
            "devices": 0,
            "integration_bridge": "br-int",
            "datapath_type": "system",
            "ovs_capabilities": {"datapath_types": ["system"], "iface_types": ["vxlan"]},
        },
    },
    "dhcp": {
        "agent_type": "DHCP agent",
        "binary": "neutron-dhcp-agent",
        "topic": topics.DHCP_AGENT,
        "availability_zone": "nova",
        "configurations": {
            "dhcp_driver": "neutron.agent.linux.dhcp.Dnsmasq",
            "dhcp_lease_duration": 86400,
            "networks": 0,
            "subnets": 0,
            "ports": 0,
        },
    },
    "l3": {
        "agent_type": "L3 agent",
        "binary": "neutron-l3-agent",
        "topic": topics.L3_AGENT,
        "availability_zone": "nova",
        "configurations": {
            "agent_mode": "legacy",
            "routers": 0,
            "ex_gw_ports": 0,
            "interfaces": 0,
            "floating_ips": 0,
            "interface_driver": "openvswitch",
        },
    },
}


def main() -> None:
    cfg.CONF.register_cli_opts([cfg.StrOpt("kind", positional=True), cfg.StrOpt("host", positional=True)])
    cfg.CONF(sys.argv[1:], project="neutron")
    set_transport_defaults(control_exchange="neutron")
    rpc.init(cfg.CONF)
    client = rpc.get_client(Target(topic=topics.REPORTS, version="1.3", namespace=STATE_NAMESPACE))
    state = {**KINDS[cfg.CONF.kind], "host": cfg.CONF.host, "start_flag": True}
    while True:
        state["uuid"] = str(uuid.uuid4())
        now = datetime.now(UTC).strftime(ISO8601)
        try:
            call = client.prepare(timeout=EVERY)
            call.call(
                context.get_admin_context(), "report_state", agent_state={"agent_state": state}, time=now
            )
            state.pop("start_flag", None)
        except MessagingException as failure:
            print(f"not reported: {failure!r}", flush=True)
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
