"""Who a guest is: names of libvirt and Nova, for tags, tables and joins in PromQL.

https://docs.openstack.org/nova/latest/ (libvirt metadata nova/1.0 and nova/1.1 in the domain XML)
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Kind, Metric, Severity, Subsystem, Trigger

_info = partial(Metric, "info", entity=GUEST, kind=Kind.INFO)
_NOVA = "domain XML, metadata/nova:instance/"

NAME = _info(
    "name", "Name that its owner gave the guest; libvirt's name where Nova gave none.", _NOVA + "name"
)
DOMAIN = _info(
    "domain",
    "libvirt's name, as virsh wants it; its log is /var/log/libvirt/qemu/NAME.log.",
    "virDomainGetName",
)
NODE = _info(
    "node",
    "Node that runs the guest now; argus placements UUID tells where it was before.",
    "the agent's [DEFAULT] host",
)
PROJECT = _info(
    "project",
    "UUID of the owning project: whom to ask before the guest is moved or stopped.",
    _NOVA + "owner/project@uuid",
)
PROJECT_NAME = _info(
    "project_name",
    "Name of the owning project: whom to ask before the guest is moved or stopped.",
    _NOVA + "owner/project",
)
USER_NAME = _info(
    "user_name",
    "Name of the user who made the guest: whom to ask about it first.",
    _NOVA + "owner/user",
    shown=False,
)
FLAVOR = _info(
    "flavor",
    "Flavor that the guest was made from: its size, and the limits that its extra specs set.",
    _NOVA + "flavor@name",
)
IMAGE = _info("image", "UUID of the image that its root disk came from.", _NOVA + "root@uuid", shown=False)

SUBSYSTEM = Subsystem(
    "guest_info",
    "Identity",
    (NAME, DOMAIN, NODE, PROJECT, PROJECT_NAME, USER_NAME, FLAVOR, IMAGE),
    triggers=(
        Trigger(
            "guest_runs_twice",
            "Two nodes run the guest",
            (NODE,),
            # In turn, again and again: a migration does not go to and fro three times in 5 minutes.
            "changecount(@1,5m)>=3 and last(@1,#1)=last(@1,#3) and last(@1,#2)=last(@1,#4)"
            " and last(@1,#1)<>last(@1,#2)",
            Severity.HIGH,
            "availability",
            "Two nodes report this guest in turn: it runs on both, and both write to its disks, which "
            "destroys them. Stop one of the two at once (virsh destroy DOMAIN on the node that Nova does not "
            "name), then check its file systems.",
            event_name="Two nodes run the guest: {ITEM.VALUE1} and {?last(//argus.guest.info.node,#2)}",
            opdata="Now heard from: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "guest_moved",
            "Guest moved to another node",
            (NODE,),
            "last(@1,#1)<>last(@1,#2) and length(last(@1))>0",
            Severity.INFO,
            "notice",
            "Another node runs the guest now: it was migrated or evacuated. Where it is slower since then, "
            "compare the two nodes (CPUs, steal, storage); argus placements UUID tells where it was when. "
            "Closes by itself.",
            event_name="Guest moved to {ITEM.VALUE1}",
            opdata="Now on: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("guest_runs_twice",),
        ),
    ),
)
