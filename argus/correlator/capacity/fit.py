"""How many more guests of a request fit: on a host, on many, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.correlator.capacity.model import MEMORY, UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argus.correlator.capacity.model import Host, Request

NOT_FOR_NEW = "COMPUTE_STATUS_DISABLED"  # Nova never asks Placement for hosts with this trait


@dataclass(frozen=True, slots=True)
class Fit:
    """``count`` more fit, on the hosts of ``by_host`` (name and number, the roomiest first).

    ``ideal`` would fit if all that is left on those hosts were on one: the difference is fragmentation.
    ``refused`` counts hosts by why they take none.  ``unjudged`` says what of the request was not checked.
    """

    count: int
    ideal: int
    by_host: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    unjudged: str = ""

    @property
    def fragmentation(self) -> float | None:
        """``1 - count / ideal``: 0 is none; ``None`` where nothing would fit anyhow."""
        return 1 - self.count / self.ideal if self.ideal else None


def fit(hosts: Iterable[Host], request: Request, project: str = "") -> Fit:
    """Count how many more guests of ``request`` fit on ``hosts`` that take guests.

    Exact for guests without nested groups of resources: hosts do not share, so the sum is what would boot.
    """
    counts: list[tuple[str, int]] = []
    refused: dict[str, int] = {}
    left = dict.fromkeys((kind for kind, _ in request.needs), 0)
    for host in hosts:
        why = refusal(host, request, project)
        number = 0 if why else _room(host, request)
        if not why:
            for kind in left:
                left[kind] += sum(max(0, provider.free(kind)) for provider in host.offering(kind))
        if number:
            counts.append((host.name, number))
        else:
            reason = why or shortage(host, request)
            refused[reason] = refused.get(reason, 0) + 1
    counts.sort(key=lambda each: (-each[1], each[0]))
    ideal = min((left[kind] // amount for kind, amount in request.needs), default=0)
    return Fit(
        sum(number for _, number in counts),
        ideal,
        tuple(counts),
        tuple(sorted(refused.items(), key=lambda each: (-each[1], each[0]))),
        request.unjudged,
    )


def on_host(host: Host, request: Request, project: str = "") -> int:
    """Count how many more fit on one host."""
    return 0 if refusal(host, request, project) else _room(host, request)


def refusal(host: Host, request: Request, project: str = "") -> str:
    """Say why a host would take none of these however empty it were; empty if it would."""
    if host.closed or NOT_FOR_NEW in host.traits:
        return host.closed or "disabled"
    if host.tenants and project not in host.tenants:
        return "for other projects"
    return _by_traits(host, request) or _by_place(host, request) or _by_units(host, request)


def _by_traits(host: Host, request: Request) -> str:
    if not request.required and not request.forbidden:
        return ""
    traits = host.traits
    if missing := request.required - traits:
        return f"lacks the trait {min(missing)}"
    unwanted = request.forbidden & traits
    return f"has the forbidden trait {min(unwanted)}" if unwanted else ""


def _by_place(host: Host, request: Request) -> str:
    for key, wanted in request.specs:
        if not wanted & host.metadata.get(key, frozenset()):
            return f"in no aggregate with {key}"
    if (request.cells or request.page) and host.cells is None:
        return "NUMA not known: no agent tells"
    return ""


def _by_units(host: Host, request: Request) -> str:
    for kind, amount in request.needs:
        offers = [provider.inventories[kind] for provider in host.offering(kind)]
        if not offers:
            return f"has no {kind}"
        if not any(offer.admits(amount) for offer in offers):
            return f"{kind}: one guest may not have {amount} (min, max, step)"
    return ""


def shortage(host: Host, request: Request) -> str:
    """Name the resource class that runs out first."""
    rooms = [(_of_kind(host, kind, amount), kind) for kind, amount in request.needs]
    least = min(rooms, default=(1, ""))
    return f"{least[1]} is used up" if least[0] <= 0 else "no NUMA node has the pages"


def _room(host: Host, request: Request) -> int:
    """Resource classes are independent of each other, and each guest takes a class from one provider."""
    count = min((_of_kind(host, kind, amount) for kind, amount in request.needs), default=0)
    return min(count, on_cells(host, request)) if count > 0 else 0


def _of_kind(host: Host, kind: str, amount: int) -> int:
    return sum(
        max(0, provider.free(kind)) // amount
        for provider in host.offering(kind)
        if provider.inventories[kind].admits(amount)
    )


def on_cells(host: Host, request: Request) -> int:
    """Count how many guests find their huge pages on as many NUMA nodes as each asks for."""
    if not request.page or host.cells is None:
        if request.cells > 1 and host.cells is not None and len(host.cells) < request.cells:
            return 0
        return UNBOUNDED
    spread = max(1, request.cells)
    need = pages_each(request)
    return groups_of([cell.pages.get(request.page, 0) // need for cell in host.cells], spread)


def pages_each(request: Request) -> int:
    """Return the pages that one guest takes from each of its NUMA nodes, rounded up."""
    memory = dict(request.needs).get(MEMORY, 0) * 1024
    return max(1, -(-memory // (request.page * max(1, request.cells))))


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
