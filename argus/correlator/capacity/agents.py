"""What the agents know of a fleet: beside OpenStack, what is really there; without OpenStack, all of it.

On a site without OpenStack the ratios are those of ``[allocation]`` in each node's agent.conf: the agent
tells what is left under them, and what is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.catalogue import allocation, node_memory
from argus.correlator.capacity.model import (
    MEMORY,
    VCPU,
    Allocation,
    Fleet,
    Guest,
    Host,
    Inventory,
    Pain,
    Provider,
    Request,
    amounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def pain(values: NodeValues) -> Pain:
    """Return what hurts on a node, as far as it tells."""
    swap = values.number(node_memory.SWAP_USED.field)
    return Pain(steal=values.number(allocation.STEAL_MAX.field), swap=swap)


def with_agents(fleet: Fleet, nodes: Iterable[NodeValues], fresh: float) -> Fleet:
    """Add what agents tell to the hosts of the same name; values from before ``fresh`` do not count."""
    told = {values.host: values for values in nodes if values.at >= fresh}

    def add(host: Host) -> Host:
        values = told.get(host.name) or told.get(host.name.partition(".")[0])
        if values is None:
            return host
        return replace(host, pain=pain(values), memory=_memory(values), demand=_demand(values))

    return replace(fleet, hosts=tuple(add(host) for host in fleet.hosts))


def with_domains(fleet: Fleet, residents: Iterable[Resident], asked: Iterable[str]) -> Fleet:
    """Add which guests libvirt has, on the hosts whose agents were ``asked`` and answer."""
    there: dict[str, set[str]] = {name: set() for name in asked}
    for resident in residents:
        if resident.node in there:
            there[resident.node].add(resident.uuid)
    hosts = tuple(
        replace(host, defined=frozenset(there[host.name])) if host.name in there else host
        for host in fleet.hosts
    )
    return replace(fleet, hosts=hosts)


def of_agents(
    name: str, nodes: Iterable[NodeValues], residents: Iterable[Resident], fresh: float, at: float
) -> Fleet:
    """Make a fleet of nodes and their guests alone.

    A node whose values are older than ``fresh`` is there and takes no guests; guests of unknown size are
    named in ``missing``, since no answer about moving them would be true.
    """
    hosts = tuple(_host(values, fresh) for values in sorted(nodes, key=lambda each: each.host))
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


def _host(values: NodeValues, fresh: float) -> Host:
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
