"""Which components there are, in the order of the status table; they stop in reverse order."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import libvirt

from stack.components.agent import Agent
from stack.components.argus_setup import ArgusSetup
from stack.components.correlator import BEAT, WORKER
from stack.components.exporter import EXPORTER
from stack.components.flow import Flow
from stack.components.guest_image import GuestImage
from stack.components.guest_xml import GUESTS
from stack.components.guests import Guests
from stack.components.libvirtd import Libvirtd
from stack.components.openstack.members import FURTHER, openstack
from stack.components.postgres import Postgres
from stack.components.redis import Redis
from stack.components.smtp_sink import SmtpSink
from stack.components.unit_node import UnitNode, UnitNodeFiles
from stack.components.zabbix7 import (
    Zabbix7Packages,
    Zabbix7Server,
    Zabbix7Setup,
    Zabbix7Web,
    agent7,
    correlator7,
)
from stack.components.zabbix_proxy import ProxyPackage, ZabbixProxy
from stack.components.zabbix_server import ZabbixServer
from stack.components.zabbix_web import ZabbixWeb

if TYPE_CHECKING:
    from stack.lab import Component, Lab

# Errors come as exceptions; the library would print each of them as well.
libvirt.registerErrorHandler(lambda _context, _error: None, None)

NODE1 = Libvirtd("lab-node1")
AGENT1 = Agent("agent", NODE1)
# On demand only (`python -m stack node2 up`): a place to live-migrate a guest to.
NODE2 = Libvirtd("lab-node2", probed_by=NODE1)
AGENT2 = Agent("agent-node2", NODE2, config="node2")


def components(lab: Lab) -> tuple[Component, ...]:
    """The stack; with somebody else's libvirtd there is no node and no guest of our own."""
    own: tuple[Component, ...] = () if lab.libvirt else (GuestImage(), NODE1, Guests(NODE1))
    return (
        Postgres(),
        ZabbixServer(),
        ZabbixWeb(),
        Redis(),
        SmtpSink(),
        *own,
        ArgusSetup(),
        AGENT1,
        WORKER,
        BEAT,
        EXPORTER,
        Flow(guests=len(GUESTS) if own else 0),
    )


def second_node() -> tuple[Component, ...]:
    return (NODE2, AGENT2)


def zabbix7_files() -> tuple[Component, ...]:
    """What is fetched and unpacked for it, without any process."""
    return (Zabbix7Packages(),)


def zabbix7() -> tuple[Component, ...]:
    """On demand only (`python -m stack zabbix7 up`): the next Zabbix, its agent and its correlator."""
    return (*zabbix7_files(), Zabbix7Server(), Zabbix7Web(), Zabbix7Setup(), agent7(NODE1), correlator7())


def unit_node_files() -> tuple[Component, ...]:
    """What is fetched and built for it, without any process."""
    return (UnitNodeFiles(),)


def unit_node() -> tuple[Component, ...]:
    """On demand only (`python -m stack unit-node up`): a node booted by systemd, for the agent's unit."""
    return (GuestImage(), *unit_node_files(), UnitNode())


def proxies() -> tuple[Component, ...]:
    """On demand only (`python -m stack proxies up`): two Zabbix proxies between agents and the server."""
    return (ProxyPackage(), ZabbixProxy("zabbix-proxy-a"), ZabbixProxy("zabbix-proxy-b"))


def running_components(lab: Lab) -> tuple[Component, ...]:
    """The stack, and what came up on demand while something of it is recorded."""
    recorded = lab.processes.names()
    aside = (*second_node(), *zabbix7(), *proxies(), UnitNode())
    beside = (*aside, *openstack(), *chain.from_iterable(FURTHER.values()))
    extra = tuple(c for c in beside if c.name in recorded)
    return (*components(lab), *extra)
