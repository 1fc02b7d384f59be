"""What the agents know of a fleet: beside OpenStack, what is really there; without OpenStack, all of it.

On a site without OpenStack the ratios are those of ``[allocation]`` in each node's agent.conf: the agent
tells what is left under them, and what is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from argus.catalogue import allocation, node_memory, node_pressure
from argus.correlator.capacity.model import (
    MEMORY,
    VCPU,
    Allocation,
    Cell,
    Fleet,
    Guest,
    Host,
    Inventory,
    Pain,
    Provider,
    Request,
    amounts,
)
from argus.correlator.capacity.numa import is_bound, pages_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from argus.correlator.facts import NodeValues

MIB = 2.0**20
SILENT = "its agent does not tell what is left"


@dataclass(frozen=True, slots=True)
class Resident:
    """A guest as its node has it; sizes are ``None`` where they are not known."""

    uuid: str
    node: str
    name: str = ""
    project: str = ""
    vcpus: int | None = None
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """What an agent tells of its NUMA nodes; ``cells`` is ``None`` where it does not.

    ``pools``: huge pages that the node has in all, by their size in KiB.
    """

    cells: tuple[Cell, ...] | None = None
    pools: Mapping[int, int] = field(default_factory=dict)


def pain(values: NodeValues) -> Pain:
    """Return what hurts on a node, as far as it tells."""
    return Pain(
        values.number(allocation.STEAL_MAX.field),
        values.number(node_pressure.STALLED["memory", "some"].field),
        values.number(node_memory.SWAP_USED.field),
        values.number(allocation.BALLOONED.field),
        values.number(node_pressure.STALLED["cpu", "some"].field),
        values.number(allocation.DISK_LATENCY_MAX.field),
        values.number(allocation.GUESTS_LOSING.field),
    )


def defined(values: NodeValues) -> frozenset[str] | None:
    """Return the guests that libvirt has on a node; ``None`` unless the list is whole and of now.

    An unchanged list is stored seldom; the count that goes with it, in every cycle in which libvirt answers.
    """
    count, text = (
        values.number(allocation.GUESTS.field),
        values.values.get(allocation.GUEST_UUIDS.field),
    )
    if count is None or not isinstance(text, str):
        return None
    found = frozenset(text.split())
    return found if len(found) == count else None


def with_agents(
    fleet: Fleet, nodes: Iterable[NodeValues], details: Mapping[str, Details], fresh: float
) -> Fleet:
    """Add what agents tell to the hosts of the same name; values from before ``fresh`` do not count."""
    told = {values.host: values for values in nodes if values.at >= fresh}
    bound: defaultdict[str, list[Request]] = defaultdict(list)
    for guest in fleet.guests:
        if is_bound(guest.request):
            bound[guest.host].append(guest.request)

    def add(host: Host) -> Host:
        values = told.get(host.name) or told.get(host.name.partition(".")[0])
        if values is None:
            return host
        more = details.get(values.host, Details())
        return replace(
            host,
            pain=pain(values),
            memory=_memory(values),
            demand=_demand(values),
            defined=defined(values) if values.clock(allocation.GUESTS.field) >= fresh else None,
            cells=unclaimed(more, bound[host.name]),
            bound=_bound(bound[host.name]),
        )

    return replace(fleet, hosts=tuple(add(host) for host in fleet.hosts))


def unclaimed(told: Details, guests: Sequence[Request]) -> tuple[Cell, ...] | None:
    """Take from the cells what guests that are off will want back: Nova keeps their huge pages for them.

    Which cell is not known; so it is taken from each.
    """
    if told.cells is None:
        return None
    asleep = {}
    for size, total in told.pools.items():
        claimed = sum(pages_each(each) * max(1, each.cells) for each in guests if each.page == size)
        free = sum(cell.pages.get(size, 0) for cell in told.cells)
        asleep[size] = max(0, free - max(0, total - claimed))
    return tuple(
        replace(cell, pages={size: max(0, n - asleep.get(size, 0)) for size, n in cell.pages.items()})
        for cell in told.cells
    )


def _bound(guests: Iterable[Request]) -> tuple[int, int]:
    needs = [(dict(each.needs), each.page) for each in guests]
    memory = sum(each.get(MEMORY, 0) for each, page in needs if not page)
    return sum(each.get(VCPU, 0) for each, _ in needs), memory


def of_agents(
    name: str,
    nodes: Iterable[NodeValues],
    residents: Iterable[Resident],
    fresh: float,
    at: float,
    details: Mapping[str, Details] | None = None,
) -> Fleet:
    """Make a fleet of nodes and their guests alone.

    A node whose values are older than ``fresh`` is there and takes no guests; guests of unknown size are
    named in ``missing``, since no answer about moving them would be true.
    """
    more = details or {}
    hosts = tuple(
        _host(values, fresh, more.get(values.host, Details()))
        for values in sorted(nodes, key=lambda each: each.host)
    )
    guests, unknown = [], []
    for each in residents:
        if each.vcpus is None or each.memory_mib is None:
            unknown.append(each.name or each.uuid)
        else:
            needs = amounts({VCPU: each.vcpus, MEMORY: each.memory_mib})
            guests.append(Guest(each.uuid, each.node, Request(needs), each.name, each.project))
    missing = {"openstack": "not configured: flavors, quotas and allocations are not known"}
    if unknown:
        missing["guests"] = (
            f"the size of {len(unknown)} guests is not known: {', '.join(sorted(unknown)[:5])}"
        )
    silent = [host.name for host in hosts if host.closed == SILENT]
    if silent:  # full and unknown are not the same: no loss is tried on such hosts
        missing["providers"] = (
            f"{len(silent)} nodes do not tell what is left: {', '.join(silent[:5])}; "
            "does argus zabbix plan show items that are not enabled?"
        )
    held = tuple(Allocation(guest.uuid, guest.host, guest.request.needs) for guest in guests)
    return Fleet(name, hosts, tuple(guests), allocations=held, missing=missing, at=at)


def _host(values: NodeValues, fresh: float, told: Details) -> Host:
    offers: dict[str, Inventory] = {}
    used: dict[str, int] = {}
    cpus = values.number(allocation.CPUS_USABLE.field)
    left, claimed = (values.number(each.field) for each in (allocation.VCPUS_FREE, allocation.VCPUS_CLAIMED))
    if cpus and left is not None and claimed is not None:
        offers[VCPU] = Inventory(round(cpus), ratio=_ratio(left + claimed, cpus))
        used[VCPU] = round(claimed)
    free, taken = (values.number(each.field) for each in (allocation.MEMORY_FREE, allocation.MEMORY_CLAIMED))
    if free is not None and taken is not None:
        # The agent tells what is left after reserve and ratio, not the two: what it offers is their product.
        offers[MEMORY] = Inventory(int((free + taken) / MIB))
        used[MEMORY] = -int(-taken // MIB)
    closed = "" if values.at >= fresh else "does not report"
    if not closed and len(offers) < 2:
        closed = SILENT
    return Host(
        values.host,
        (Provider(values.host, offers, used),),
        closed=closed,
        memory=_memory(values),
        demand=_demand(values),
        pain=pain(values),
        cells=told.cells,
        defined=None if closed else defined(values),
    )


def _ratio(capacity: float, total: float) -> float:
    """Return the ratio that gives ``capacity`` again under ``int(total * ratio)``."""
    ratio = capacity / round(total)
    return ratio if int(round(total) * ratio) >= int(capacity) else ratio + 1e-9


def _memory(values: NodeValues) -> int | None:
    total = values.number(node_memory.TOTAL.field)
    return None if total is None else round(total / MIB)


def _demand(values: NodeValues) -> int | None:
    total, left = values.number(node_memory.TOTAL.field), values.number(node_memory.AVAILABLE.field)
    return None if total is None or left is None else round((total - left) / MIB)
