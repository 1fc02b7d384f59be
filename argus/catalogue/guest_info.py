"""Who a guest is: names of libvirt and Nova, for tags, tables and joins in PromQL.

https://docs.openstack.org/nova/latest/ (libvirt metadata nova/1.0 and nova/1.1 in the domain XML)
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Kind, Metric, Subsystem

_info = partial(Metric, "info", entity=GUEST, kind=Kind.INFO)
_NOVA = "domain XML, metadata/nova:instance/"

NAME = _info(
    "name", "Name that its owner gave the guest; libvirt's name where Nova gave none.", _NOVA + "name"
)
DOMAIN = _info("domain", "libvirt's name, as virsh wants it.", "virDomainGetName")
NODE = _info("node", "Node that runs the guest now.", "the agent's [DEFAULT] host")
PROJECT = _info("project", "UUID of the owning project.", _NOVA + "owner/project@uuid")
PROJECT_NAME = _info("project_name", "Name of the owning project.", _NOVA + "owner/project")
USER_NAME = _info("user_name", "Name of the user who made the guest.", _NOVA + "owner/user", shown=False)
FLAVOR = _info("flavor", "Flavor that the guest was made from.", _NOVA + "flavor@name")
IMAGE = _info("image", "UUID of the image that its root disk came from.", _NOVA + "root@uuid", shown=False)

SUBSYSTEM = Subsystem(
    "guest_info", "Identity", (NAME, DOMAIN, NODE, PROJECT, PROJECT_NAME, USER_NAME, FLAVOR, IMAGE)
)
