"""Whether sharing CPUs among guests hurts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus.catalogue.model import Severity
from argus.correlator.rule import Finding, Layer, Node, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds


@rule(
    severity=Severity.AVERAGE,
    layer=Layer.LOAD,
    hold=120.0,
    keep=120.0,
    needs=(allocation.VCPU_RATIO, allocation.STEAL_MAX),
)
def overcommit_hurts_guests(node: Node, limit: Thresholds) -> Finding | None:
    """CPU overcommit hurts guests.

    More vCPUs are promised than the node has CPUs for guests, and a guest is kept waiting for one. Overcommit
    alone is policy and steal alone may be one badly pinned guest; together they mean that the node has
    more to do than it can.

    What to do:
    1. argus-agent once --format table on the node: which guests wait (steal), which ones use the CPU.
    2. Disable the compute service so that nothing more lands there, then live-migrate the busiest guest
       to a node with CPUs to spare.
    3. If several nodes say so, lower cpu_allocation_ratio or add nodes.
    """
    overcommit, steal = node[allocation.VCPU_RATIO], node[allocation.STEAL_MAX]
    if overcommit <= limit.vcpu_overcommit_max_ratio or steal <= limit.guest_steal_max_ratio:
        return None
    evidence = {
        "vCPUs per usable CPU": f"{overcommit:.2f} (limit {limit.vcpu_overcommit_max_ratio:.2f})",
        "worst guest waits for a CPU": f"{steal:.0%} of the time (limit {limit.guest_steal_max_ratio:.0%})",
    }
    figures = f"{overcommit:.1f} vCPUs per CPU, worst steal {steal:.0%}"
    return Finding(f"{node.name} is overcommitted and starves guests: {figures}", evidence)


RULES = (overcommit_hurts_guests,)
