"""How many more guests of a request fit: on a host, on many, and why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.correlator.capacity import numa
from argus.correlator.capacity.model import offering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.correlator.capacity.model import Host, Provider, Request

NOT_FOR_NEW = "COMPUTE_STATUS_DISABLED"  # Nova never asks Placement for hosts with this trait


@dataclass(frozen=True, slots=True)
class Fit:
    """``count`` more fit, on the hosts of ``by_host`` (name and number, the roomiest first).

    ``most`` may fit: more than ``count`` where it is not known which NUMA nodes of a host are free.
    ``ideal`` would fit if all that is left on those hosts were on one: the difference is fragmentation.
    What hosts share is counted once in ``count``; ``by_host`` says what each takes if the others take none.
    ``refused`` counts hosts by why they take none.  ``unjudged`` says what of the request was not checked.
    """

    count: int
    most: int
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

    Exact for guests without nested groups of resources, where hosts share nothing or all draw on one pool; a
    host that has of a class and shares some too uses its own first here, while Nova chooses as it likes.
    """
    counts: list[tuple[str, int]] = []
    refused: dict[str, int] = {}
    taking: list[Host] = []
    sure, possible = Drawn(request), Drawn(request)
    for host in hosts:
        why = refusal(host, request, project)
        number, may = (0, 0) if why else _bounds(host, request)
        if not why:
            taking.append(host)
            sure.take(host, number)
            possible.take(host, may)
        if number:
            counts.append((host.name, number))
        else:
            reason = why or shortage(host, request)
            refused[reason] = refused.get(reason, 0) + 1
    counts.sort(key=lambda each: (-each[1], each[0]))
    left = {kind: sum(max(0, p.free(kind)) for p in offering(taking, kind)) for kind, _ in request.needs}
    ideal = min((left[kind] // amount for kind, amount in request.needs), default=0)
    return Fit(
        sure.count,
        possible.count,
        ideal,
        tuple(counts),
        tuple(sorted(refused.items(), key=lambda each: (-each[1], each[0]))),
        request.unjudged,
    )


@dataclass(slots=True)
class Drawn:
    """Guests of one request that were put on hosts, and what pools that hosts share have given for them."""

    request: Request
    count: int = 0
    _given: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, host: Host, number: int) -> None:
        """Put up to ``number`` on a host: as many as its own resources and its pools still allow."""
        if not any(provider.shared for provider in host.providers):
            self.count += number
            return
        pooled = [pair for pair in self.request.needs if any(p.shared for p in host.offering(pair[0]))]
        for kind, amount in pooled:
            number = min(number, self._own(host, kind, amount) + sum(self._left(host, kind, amount).values()))
        for kind, amount in pooled:
            ask = max(0, number - self._own(host, kind, amount))
            for pool, room in self._left(host, kind, amount).items():
                drawn = min(ask, room)
                self._given[pool, kind] = self._given.get((pool, kind), 0) + drawn * amount
                ask -= drawn
        self.count += number

    def _own(self, host: Host, kind: str, amount: int) -> int:
        return sum(max(0, p.free(kind)) // amount for p in _admitting(host, kind, amount) if not p.shared)

    def _left(self, host: Host, kind: str, amount: int) -> dict[str, int]:
        return {
            p.uuid: max(0, p.free(kind) - self._given.get((p.uuid, kind), 0)) // amount
            for p in _admitting(host, kind, amount)
            if p.shared
        }


def on_host(host: Host, request: Request, project: str = "") -> int:
    """Count how many more are sure to fit on one host."""
    return 0 if refusal(host, request, project) else _bounds(host, request)[0]


def may_fit(host: Host, request: Request, project: str = "") -> bool:
    """Whether one more may fit on a host, as far as is known."""
    return not refusal(host, request, project) and _bounds(host, request)[1] > 0


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
    if request.pools and not request.pools <= {provider.uuid for provider in host.providers}:
        return "does not share the storage that it is on"
    for key, wanted in request.specs:
        if not wanted & host.metadata.get(key, frozenset()):
            return f"in no aggregate with {key}"
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
    """Name what runs out first, or what is not known."""
    rooms = [(_of_kind(host, kind, amount), kind) for kind, amount in request.needs]
    least = min(rooms, default=(1, ""))
    if least[0] <= 0:
        return f"{least[1]} is used up"
    if host.cells is None:
        return "not known: no agent tells of its NUMA nodes"
    if numa.most(numa.ground(host), request) > 0:
        return "not known: which of its NUMA nodes guests hold"
    return "no NUMA node has room for it"


def _bounds(host: Host, request: Request) -> tuple[int, int]:
    """Return how many are sure to fit, and how many may.

    Resource classes are independent of each other, and each guest takes a class from one provider.
    """
    count = min((_of_kind(host, kind, amount) for kind, amount in request.needs), default=0)
    if count <= 0 or not numa.is_bound(request):
        return count, count
    ground = numa.ground(host)
    return min(count, numa.least(ground, request)), min(count, numa.most(ground, request))


def _of_kind(host: Host, kind: str, amount: int) -> int:
    return sum(max(0, provider.free(kind)) // amount for provider in _admitting(host, kind, amount))


def _admitting(host: Host, kind: str, amount: int) -> Iterator[Provider]:
    return (each for each in host.offering(kind) if each.inventories[kind].admits(amount))
