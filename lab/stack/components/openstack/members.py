"""Which components the control plane has, in the order of the status table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.catalogue import KeystoneCatalogue
from stack.components.openstack.cinder import CINDER, CINDER_DB
from stack.components.openstack.config import OpenstackConfig
from stack.components.openstack.galera import GALERA
from stack.components.openstack.glance import GLANCE, GLANCE_DB
from stack.components.openstack.haproxy import Haproxy
from stack.components.openstack.heat import HEAT, HEAT_DB
from stack.components.openstack.horizon import HORIZON
from stack.components.openstack.keystone import KEYSTONE, KEYSTONE_DB
from stack.components.openstack.mariadb import Mariadb
from stack.components.openstack.memcached import Memcached
from stack.components.openstack.neutron import NEUTRON, NEUTRON_DB
from stack.components.openstack.nova import NOVA, NOVA_DB
from stack.components.openstack.packages import OPENSTACK_VENV, OpenstackPackages
from stack.components.openstack.placement import PLACEMENT, PLACEMENT_DB
from stack.components.openstack.rabbitmq import Epmd, Rabbitmq
from stack.components.openstack.rabbitmq_cluster import RABBITMQ_CLUSTER
from stack.components.openstack.ready import OpenstackReady
from stack.components.openstack.seed import OpenstackSeed
from stack.components.openstack.swift import SWIFT, SwiftRings

if TYPE_CHECKING:
    from stack.lab import Component

FILES: tuple[Component, ...] = (OpenstackPackages(), OPENSTACK_VENV, OpenstackConfig())
INFRASTRUCTURE: tuple[Component, ...] = (Mariadb(), Epmd(), Rabbitmq(), Memcached(), Haproxy())
# the long ones first
SCHEMAS: tuple[Component, ...] = (
    KEYSTONE_DB,
    NOVA_DB,
    NEUTRON_DB,
    PLACEMENT_DB,
    CINDER_DB,
    GLANCE_DB,
    HEAT_DB,
)
SERVICES: tuple[Component, ...] = (
    KEYSTONE, KeystoneCatalogue(), *PLACEMENT, *NOVA, GLANCE, *NEUTRON, *CINDER, *HEAT, SwiftRings(), *SWIFT,
)  # fmt: skip


FURTHER: dict[str, tuple[Component, ...]] = {
    "horizon": HORIZON,
    "galera": GALERA,
    "rabbitmq-cluster": RABBITMQ_CLUSTER,
}
"""What comes up on demand beside the control plane, by name."""


def openstack_files() -> tuple[Component, ...]:
    """What has to be fetched."""
    return FILES[:2]


def openstack() -> tuple[Component, ...]:
    ready = OpenstackReady(tuple(component.name for component in SERVICES))
    return (*FILES, *INFRASTRUCTURE, *SCHEMAS, *SERVICES, ready, OpenstackSeed())
