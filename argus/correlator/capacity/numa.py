"""How many guests fit on the NUMA nodes of a host: at least, and at most.

Nova keeps its own account of what guests hold on each NUMA node (nova/virt/hardware.py
``numa_fit_instance_to_host``) and tells it to nobody.  What is sure rests on the worst that the account could
be: all guests with a NUMA topology on each node at once.  What is possible rests on the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.correlator.capacity.model import MEMORY, PCPU, UNBOUNDED, VCPU, Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus.correlator.capacity.model import Host, Request


@dataclass(frozen=True, slots=True)
class Ground:
    """The NUMA nodes of a host as far as they are known.

    ``bound`` are vCPUs and MiB (without huge pages) of the guests there that have a NUMA topology;
    ``pinnable`` is what is left of PCPU on the host; the ratios are those of its inventories.
    """

    cells: tuple[Cell, ...]
    bound: tuple[int, int]
    pinnable: int
    cpu_ratio: float
    ram_ratio: float


def is_bound(request: Request) -> bool:
    """Whether the guest gets a NUMA topology, so that totals of the host do not answer."""
    return bool(request.cells or request.page)


def ground(host: Host) -> Ground | None:
    """Return what is known of a host's NUMA nodes; ``None`` where no agent tells."""
    if host.cells is None:
        return None
    pinnable = sum(max(0, provider.free(PCPU)) for provider in host.offering(PCPU))
    return Ground(host.cells, host.bound, pinnable, _ratio(host, VCPU), _ratio(host, MEMORY))


def least(where: Ground | None, request: Request) -> int:
    """Return how many are sure to find their NUMA nodes; ``UNBOUNDED`` for a request that asks for none."""
    if not is_bound(request):
        return UNBOUNDED
    if where is None:
        return 0
    rooms, width = _rooms(where, request, where.bound), _width(request)
    pinned = dict(request.needs).get(PCPU, 0)
    if not pinned:
        return groups_of(rooms, width)
    # A cell has at least what the others together cannot hold.
    sizes = [where.pinnable if cell.cpus is None else cell.cpus for cell in where.cells]
    sure = [max(0, where.pinnable - (sum(sizes) - size)) // -(-pinned // width) for size in sizes]
    count = groups_of([min(pair) for pair in zip(rooms, sure, strict=True)], width)
    # However it is spread, each cell keeps at most a part less one.
    spread = max(0, -(-(where.pinnable - len(rooms) * (pinned - 1)) // pinned)) if width == 1 else 0
    return max(count, spread if min(rooms, default=0) >= spread else 0)


def most(where: Ground | None, request: Request) -> int:
    """Return how many may find their NUMA nodes at best."""
    if not is_bound(request) or where is None:
        return UNBOUNDED
    rooms, width = _rooms(where, request, (0, 0)), _width(request)
    pinned = dict(request.needs).get(PCPU, 0)
    if not pinned:
        return groups_of(rooms, width)
    part = -(-pinned // width)
    able = [where.pinnable if c.cpus is None else min(c.cpus, where.pinnable) for c in where.cells]
    found = groups_of([min(room, cpus // part) for room, cpus in zip(rooms, able, strict=True)], width)
    return min(found, where.pinnable // pinned)


def after(where: Ground, request: Request) -> Ground:
    """Return the ground once one such guest is there, in the cells with the most pages."""
    needs, cells = dict(request.needs), where.cells
    if request.page:
        need, spread = pages_each(request), _width(request)
        roomy = sorted(cells, key=lambda cell: -cell.pages.get(request.page, 0))
        taken = [
            replace(cell, pages={**cell.pages, request.page: cell.pages.get(request.page, 0) - need})
            for cell in roomy[:spread]
        ]
        cells = (*taken, *roomy[spread:])
    memory = 0 if request.page else needs.get(MEMORY, 0)
    bound = (where.bound[0] + needs.get(VCPU, 0), where.bound[1] + memory)
    return replace(where, cells=cells, bound=bound, pinnable=where.pinnable - needs.get(PCPU, 0))


def pages_each(request: Request) -> int:
    """Return the pages that one guest takes from each of its NUMA nodes, rounded up."""
    memory = dict(request.needs).get(MEMORY, 0) * 1024
    return max(1, -(-memory // (request.page * _width(request))))


def groups_of(room: Sequence[int], width: int) -> int:
    """Return the largest n so that n guests, each on ``width`` different cells, fit in cells with this room.

    They fit exactly when ``sum(min(room, n)) >= n * width`` (a round-robin fills any such shape).
    """
    low, high = 0, sum(room) // width
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(each, middle) for each in room) >= middle * width:
            low = middle
        else:
            high = middle - 1
    return low


def _rooms(where: Ground, request: Request, bound: tuple[int, int]) -> list[int]:
    """Count by cell how many parts fit by pages, shared CPUs and ordinary memory, with ``bound`` taken.

    A part larger than the cell itself never fits, whatever the ratio: Nova overcommits no guest by itself.
    """
    needs, width = dict(request.needs), _width(request)
    rooms = [UNBOUNDED] * len(where.cells)
    asks = [(-(-needs.get(VCPU, 0) // width), where.cpu_ratio, bound[0], [c.cpus for c in where.cells])]
    if request.page:
        need = pages_each(request)
        rooms = [cell.pages.get(request.page, 0) // need for cell in where.cells]
    else:
        there = [cell.memory for cell in where.cells]
        asks.append((-(-needs.get(MEMORY, 0) // width), where.ram_ratio, bound[1], there))
    for part, ratio, taken, there in asks:
        for index, size in enumerate(there if part else ()):
            if size is not None:
                room = max(0, int(size * ratio) - taken) // part if part <= size else 0
                rooms[index] = min(rooms[index], room)
    return rooms


def _width(request: Request) -> int:
    return max(1, request.cells)


def _ratio(host: Host, kind: str) -> float:
    return min((provider.inventories[kind].ratio for provider in host.offering(kind)), default=1.0)
