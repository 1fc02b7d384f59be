"""Whether sharing CPUs and memory among guests hurts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import allocation, node_memory, node_pressure
from argus.catalogue.model import Severity
from argus.correlator.rule import Finding, Layer, Node, Outcome, Unknown, rule
from argus.correlator.thresholds import GIB

if TYPE_CHECKING:
    from argus.catalogue.model import Metric
    from argus.correlator.thresholds import Thresholds


class _Pain(NamedTuple):
    """What is told of one pain, by how much it is beyond its limit, and words for people."""

    title: str
    value: float
    limit: float
    figure: str


@rule(
    severity=Severity.AVERAGE,
    layer=Layer.LOAD,
    hold=120.0,
    keep=120.0,
    needs=(allocation.VCPU_RATIO,),
)
def overcommit_hurts_guests(node: Node, limit: Thresholds) -> Outcome:
    """CPU overcommit hurts guests.

    More vCPUs are promised than the node has CPUs for guests, and a guest is kept waiting for one by others;
    where steal is not told, some task of the node always waits. Overcommit alone is policy and steal alone
    may be one badly pinned guest; together they mean that the node has more to do than it can. A guest that
    its own CPU quota stops counts for nothing here.

    What to do:
    1. argus-agent once --format table on the node: which guests wait (steal), which ones use the CPU.
    2. Disable the compute service so that nothing more lands there, then live-migrate the busiest guest
       to a node with CPUs to spare.
    3. If several nodes say so, lower cpu_allocation_ratio or add nodes.
    """
    overcommit, most = node[allocation.VCPU_RATIO], limit.vcpu_overcommit_max_ratio
    if overcommit <= most:
        return None
    # The kernel's pressure counts guests that their own quotas stop, which steal does not.
    stalled = node_pressure.STALLED["cpu", "some"]
    told = _share(
        node, allocation.STEAL_MAX, "worst guest waits for a CPU", limit.guest_steal_max_ratio
    ) or _share(node, stalled, "tasks wait for a CPU", limit.cpu_stall_max_ratio)
    if told is None:
        return Unknown("neither steal nor CPU pressure is told")
    if told.value <= told.limit:
        return None
    evidence = {"vCPUs per usable CPU": f"{overcommit:.2f} (limit {most:.2f})", told.title: told.figure}
    figures = f"{overcommit:.1f} vCPUs per CPU, {told.title} {told.value:.0%} of the time"
    return Finding(f"{node.name} is overcommitted and starves guests: {figures}", evidence)


@rule(
    severity=Severity.AVERAGE,
    layer=Layer.LOAD,
    hold=300.0,
    keep=300.0,
    needs=(allocation.MEMORY_RATIO,),
)
def memory_overcommit_hurts_guests(node: Node, limit: Thresholds) -> Outcome:
    """Memory overcommit of a node hurts its guests.

    More memory is promised to active guests than the node can give, and it swaps, stands still for want of
    memory, or balloons hold memory back. Guests that were swapped out crawl; when swap is full the kernel
    kills one.

    What to do:
    1. Disable the compute service so that nothing more lands there, then live-migrate the guest with the most
       memory to a node with memory to spare.
    2. Hardly more is promised than there is: see what beside guests runs there, and reserved_host_memory_mb.
    3. If several nodes say so, lower ram_allocation_ratio or add nodes.
    """
    promised, most = node[allocation.MEMORY_RATIO], limit.memory_promised_max_ratio
    if promised <= most:
        return None
    stalled = node_pressure.STALLED["memory", "some"]
    found = (
        _bytes(node, node_memory.SWAP_USED, "swap in use", limit.swap_used_max_bytes),
        _share(node, stalled, "tasks wait for memory", limit.memory_stall_max_ratio),
        _bytes(node, allocation.BALLOONED, "balloons hold back", limit.ballooned_max_bytes),
    )
    told = [pain for pain in found if pain is not None]
    sore = [pain for pain in told if pain.value > pain.limit]
    if not sore:
        return None if told else Unknown("neither swap nor memory pressure nor balloons are told")
    evidence = {"memory promised": f"{promised:.2f} of what there is (limit {most:.2f})"}
    evidence |= {pain.title: pain.figure for pain in sore}
    figures = f"{promised:.2f} of its memory is promised, {sore[0].title} {sore[0].figure}"
    return Finding(f"{node.name} has promised too much memory: {figures}", evidence)


def _share(node: Node, metric: Metric, title: str, limit: float) -> _Pain | None:
    value = node.values.number(metric.field)
    if value is None:
        return None
    return _Pain(title, value, limit, f"{value:.0%} of the time (limit {limit:.0%})")


def _bytes(node: Node, metric: Metric, title: str, limit: float) -> _Pain | None:
    value = node.values.number(metric.field)
    if value is None:
        return None
    return _Pain(title, value, limit, f"{value / GIB:.1f} GiB (limit {limit / GIB:.1f})")


RULES = (overcommit_hurts_guests, memory_overcommit_hurts_guests)
