"""Whether a node can take further guests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus.catalogue.model import Severity
from argus.correlator.rule import Finding, Layer, Node, rule
from argus.correlator.thresholds import GIB

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds


@rule(
    severity=Severity.WARNING,
    layer=Layer.LOAD,
    hold=120.0,
    keep=120.0,
    needs=(allocation.MEMORY_FREE, allocation.VCPUS_FREE),
)
def node_is_full(node: Node, limit: Thresholds) -> Finding | None:
    """The node is full: no guest fits any more.

    What is left for guests, int((total - reserved) * ratio) - claimed as Placement computes it, is less
    than the smallest guest needs. Below zero means more is allocated than agreed: a ratio was lowered, guests
    were started past Placement, or an evacuation counted them twice. New guests go elsewhere; a guest that
    lives here cannot be resized, and the node takes no evacuated guests.

    What to do:
    1. If the whole fleet is filling up, add nodes: one full node among empty ones is a normal packing.
    2. Live-migrate guests to emptier nodes if this one must stay available for evacuation.
    3. If it is below zero, compare openstack resource provider show --allocations with virsh list, and
       the [allocation] section of the node's agent.conf with Nova's ratios.
    """
    memory, vcpus = node[allocation.MEMORY_FREE], node[allocation.VCPUS_FREE]
    short = []
    if memory < limit.node_memory_free_min_bytes:
        short.append(f"{memory / GIB:.1f} GiB of memory")
    if vcpus < limit.node_vcpus_free_min:
        short.append(f"{vcpus:.0f} vCPUs")
    if not short:
        return None
    evidence = {
        "memory left": f"{memory / GIB:.2f} GiB (needed: {limit.node_memory_free_min_bytes / GIB:.2f} GiB)",
        "vCPUs left": f"{vcpus:.0f} (needed: {limit.node_vcpus_free_min:.0f})",
    }
    return Finding(f"{node.name} is full: {' and '.join(short)} left for guests", evidence)


RULES = (node_is_full,)
