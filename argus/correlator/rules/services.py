"""Whether the services that a node lives by answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import libvirt
from argus.catalogue.model import Severity
from argus.correlator.blast import hit
from argus.correlator.rule import Finding, Layer, Node, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds


@rule(severity=Severity.HIGH, layer=Layer.SERVICE, hold=20.0, keep=30.0, needs=(libvirt.UP,))
def libvirtd_does_not_answer(node: Node, _limit: Thresholds) -> Finding | None:
    """The node's libvirtd does not answer.

    The agent on the node reports, but its calls to libvirtd (or virtqemud) fail or do not return. Running
    guests go on running; Nova can neither start, stop nor migrate guests there, and nothing new is known
    about the guests: capacity and overcommit of the node are held as they are.

    What to do:
    1. systemctl status libvirtd virtqemud; journalctl -u libvirtd -u virtqemud -n 100.
    2. Disable the compute service so that no guest is scheduled there:
       openstack compute service set --disable --disable-reason libvirtd NODE nova-compute.
    3. If the process hangs (state D or T in ps, no progress in strace), take a core of it first
       (gcore), then restart it: restarting libvirtd does not touch running guests.
    4. If it hangs again at once, one guest's QEMU monitor may block it: virsh list in a second
       connection, and look for a QEMU process in state D (storage gone).
    """
    if node[libvirt.UP]:
        return None
    evidence = {"libvirtd up": "0", **hit(node.guests)}
    return Finding(f"libvirtd on {node.name} does not answer", evidence)


RULES = (libvirtd_does_not_answer,)
