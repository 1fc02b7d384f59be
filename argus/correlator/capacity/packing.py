"""Put guests on hosts: vector packing by heuristics that only say "fits" with a placement in hand.

So the answer is never optimistic: whoever is placed has a host with room under Placement's rules.  It may be
pessimistic, since the problem is NP-hard: ``bench/capacity.py`` measures how often, against brute force.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from argus.correlator.capacity import numa
from argus.correlator.capacity.fit import on_host, refusal
from argus.correlator.capacity.model import AFFINE, ANTI, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from argus.correlator.capacity.model import Fleet, Guest, Host, Provider

CAREFUL = 100  # items; more than that are packed in one pass, without trying all hosts for each
TRIES = 1000  # losses that are packed with care in one evaluation; further ones get the quick answer


class Item(NamedTuple):
    """Guests that must go to one host together: one, or the members of an affinity group."""

    guests: tuple[Guest, ...]
    request: Request
    zone: str
    project: str
    apart: str  # anti-affinity group, empty for none


class _Class(NamedTuple):
    """What makes two items want the same hosts."""

    request: Request
    zone: str
    tenant: str


@dataclass(slots=True)
class Bins:
    """Hosts with room, by what is asked of them; made once, used for every loss that is tried.

    Only the roomiest provider of a class counts where a host has several (nested providers): less than
    there is, never more.
    """

    hosts: Sequence[Host]
    across_zones: bool = False
    free: list[dict[str, int]] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)  # on all open hosts, by resource class
    pools: list[dict[str, str]] = field(default_factory=list)  # by host: class -> shared provider it is from
    sharing: bool = False
    tenants: bool = False
    tries: int = TRIES
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # members by host, by group
    _found: dict[_Class, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet, *, across_zones: bool = False) -> Bins:
        """Take the hosts of a fleet, and who of an anti-affinity group is where."""
        made = cls(fleet.hosts, across_zones, [_largest(host) for host in fleet.hosts])
        made.pools = [_pools(host) for host in fleet.hosts]
        made.sharing = any(made.pools)
        made.tenants = any(host.tenants for host in fleet.hosts)
        made.groups = members(fleet.guests)
        for host, free in zip(fleet.hosts, made.free, strict=True):
            for kind, amount in free.items():
                made.left[kind] = made.left.get(kind, 0) + (0 if host.closed else max(0, amount))
        return made

    def candidates(self, item: Item) -> list[int]:
        """Return the hosts that take at least one such item as things are, the roomiest first."""
        zone = "" if self.across_zones else item.zone
        key = _Class(item.request, zone, item.project if self.tenants else "")
        found = self._found.get(key)
        if found is None:
            rooms = [
                (-room, index)
                for index, host in enumerate(self.hosts)
                if (not zone or host.zone == zone)
                and (room := self._room(index, host, item.request, item.project))
            ]
            found = self._found[key] = [index for _, index in sorted(rooms)]
        return found

    def weigh(self, item: Item) -> float:
        """Weigh an item by its largest share of what is left in all."""
        return max((n / max(1, self.left.get(kind, 0)) for kind, n in item.request.needs), default=0.0)

    def _room(self, index: int, host: Host, request: Request, project: str) -> int:
        if refusal(host, request, project):
            return 0
        if any(not _roomiest(host, kind).inventories[kind].admits(n) for kind, n in request.needs):
            return 0
        free = self.free[index]
        room = min((free.get(kind, 0) // amount for kind, amount in request.needs), default=0)
        return min(room, on_host(host, request, project)) if room > 0 else 0


def members(guests: Iterable[Guest]) -> dict[str, dict[str, int]]:
    """Count the members of anti-affinity groups by host."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for guest in guests:
        if guest.policy == ANTI:
            found[guest.group][guest.host] = found[guest.group].get(guest.host, 0) + 1
    return dict(found)


def items(guests: Iterable[Guest], zones: Mapping[str, str]) -> list[Item]:
    """Make items of guests; ``zones`` tells the zone of the host that each comes from."""
    together: defaultdict[str, list[Guest]] = defaultdict(list)
    made = []
    for guest in guests:
        if guest.policy == AFFINE and guest.group:
            together[guest.group].append(guest)
        else:
            apart = guest.group if guest.policy == ANTI else ""
            made.append(Item((guest,), guest.request, zones.get(guest.host, ""), guest.project, apart))
    for group in together.values():
        first = group[0]
        made.append(Item(tuple(group), _merged(group), zones.get(first.host, ""), first.project, ""))
    return made


@dataclass(slots=True)
class _Try:
    """One attempt: what is left after what was placed, copied only where it was touched."""

    bins: Bins
    lost: Collection[int]
    left: dict[int, dict[str, int]] = field(default_factory=dict)
    grounds: dict[int, numa.Ground] = field(default_factory=dict)  # where a guest with a topology went
    near: dict[tuple[str, int], int] = field(default_factory=dict)
    start: dict[int, int] = field(default_factory=dict)  # first candidate that may still have room
    placed: list[tuple[Item, int]] = field(default_factory=list)
    given: dict[tuple[str, str], int] = field(default_factory=dict)  # by shared provider and class

    def fits(self, item: Item, index: int) -> bool:
        """Tell whether the item goes there now."""
        if index in self.lost or (item.apart and self._beside(item.apart, index)):
            return False
        left = self.left.get(index) or self.bins.free[index]
        if any(left.get(kind, 0) < amount for kind, amount in item.request.needs):
            return False
        if self.bins.sharing and not self._shared(item, index):
            return False
        return not numa.is_bound(item.request) or numa.least(self._ground(index), item.request) > 0

    def put(self, item: Item, index: int) -> None:
        """Place it, and take what it needs."""
        left = self.left.setdefault(index, dict(self.bins.free[index]))
        for kind, amount in item.request.needs:
            left[kind] -= amount
            if pool := self.bins.pools[index].get(kind):
                self.given[pool, kind] = self.given.get((pool, kind), 0) + amount
        if numa.is_bound(item.request) and (ground := self._ground(index)):
            self.grounds[index] = numa.after(ground, item.request)
        if item.apart:
            self.near[item.apart, index] = self.near.get((item.apart, index), 0) + 1
        self.placed.append((item, index))

    def first(self, item: Item) -> int | None:
        """Return the first candidate with room.

        Hosts only fill up during an attempt, so what was full for a class stays full for it, and the whole
        attempt looks at each host once a class.
        """
        found = self.bins.candidates(item)
        begin = self.start.get(id(found), 0)
        for position in range(begin, len(found)):
            if self.fits(item, found[position]):
                if not item.apart:
                    self.start[id(found)] = position
                return found[position]
        if not item.apart:
            self.start[id(found)] = len(found)
        return None

    def best(self, item: Item) -> int | None:
        """Return the candidate that is left with the least, so that large holes stay for large guests."""
        fitting = [index for index in self.bins.candidates(item) if self.fits(item, index)]
        return min(fitting, key=lambda index: (self._leftover(item, index), index), default=None)

    def _leftover(self, item: Item, index: int) -> float:
        left = self.left.get(index) or self.bins.free[index]
        return sum((left.get(kind, 0) - amount) / amount for kind, amount in item.request.needs)

    def _shared(self, item: Item, index: int) -> bool:
        """Tell whether the pools that the host shares have still enough, after what other hosts drew."""
        pools, free = self.bins.pools[index], self.bins.free[index]
        return all(
            free.get(kind, 0) - self.given.get((pools[kind], kind), 0) >= amount
            for kind, amount in item.request.needs
            if kind in pools
        )

    def _beside(self, group: str, index: int) -> bool:
        name = self.bins.hosts[index].name
        return bool(self.near.get((group, index)) or self.bins.groups.get(group, {}).get(name))

    def _ground(self, index: int) -> numa.Ground | None:
        return self.grounds.get(index) or numa.ground(self.bins.hosts[index])


def pack(
    bins: Bins, every: Sequence[Item], lost: Collection[int]
) -> tuple[list[tuple[Item, int]], list[Item]]:
    """Place items on the hosts that are not ``lost``; returns what was placed where, and what was not.

    The quick way first; when it leaves somebody out who has a candidate, several orders with best fit, and
    then moves of one item to make room for another.  The attempt that leaves the fewest out counts.
    """
    weigh = bins.weigh
    decreasing = sorted(every, key=lambda item: (-weigh(item), item.guests[0].uuid))
    attempt, out = _attempt(bins, decreasing, lost, _Try.first)
    if len(every) > CAREFUL or bins.tries <= 0 or not any(bins.candidates(item) for item in out):
        return attempt.placed, out
    bins.tries -= 1
    for order in _orders(every, decreasing):
        again, left = _attempt(bins, order, lost, _Try.best)
        _make_room(again, left)
        if len(left) < len(out):
            attempt, out = again, left
        if not out:
            break
    return attempt.placed, out


def _attempt(
    bins: Bins, order: Sequence[Item], lost: Collection[int], pick: Callable[[_Try, Item], int | None]
) -> tuple[_Try, list[Item]]:
    attempt, out = _Try(bins, lost), []
    for item in order:
        index = pick(attempt, item)
        if index is None:
            out.append(item)
        else:
            attempt.put(item, index)
    return attempt, out


def _make_room(attempt: _Try, out: list[Item]) -> None:
    """Let one placed item go elsewhere where that makes room for one that was left out."""
    for item in list(out):
        for position, (other, index) in enumerate(attempt.placed):
            moved = _without(attempt, position)
            if not moved.fits(item, index) or index not in attempt.bins.candidates(item):
                continue
            moved.put(item, index)
            elsewhere = moved.best(other)
            if elsewhere is None:
                continue
            moved.put(other, elsewhere)
            attempt.left, attempt.grounds, attempt.near = moved.left, moved.grounds, moved.near
            attempt.placed, attempt.given = moved.placed, moved.given
            out.remove(item)
            break


def _without(attempt: _Try, position: int) -> _Try:
    made = _Try(attempt.bins, attempt.lost)
    for each, (item, index) in enumerate(attempt.placed):
        if each != position:
            made.put(item, index)
    return made


def _orders(every: Sequence[Item], decreasing: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Orders to try: by the scarcest first, by each resource class, and by who has the fewest hosts."""
    yield decreasing
    for kind in sorted({kind for item in every for kind, _ in item.request.needs}):
        yield sorted(every, key=lambda item: (-dict(item.request.needs).get(kind, 0), item.guests[0].uuid))


def _largest(host: Host) -> dict[str, int]:
    kinds = {kind for provider in host.providers for kind in provider.inventories}
    return {kind: _roomiest(host, kind).free(kind) for kind in kinds}


def _pools(host: Host) -> dict[str, str]:
    """Return the shared provider that a class is taken from, where it is taken from one."""
    kinds = {kind for provider in host.providers if provider.shared for kind in provider.inventories}
    roomy = {kind: _roomiest(host, kind) for kind in kinds}
    return {kind: provider.uuid for kind, provider in roomy.items() if provider.shared}


def _roomiest(host: Host, kind: str) -> Provider:
    return max(host.offering(kind), key=lambda provider: provider.free(kind))


def _merged(group: Sequence[Guest]) -> Request:
    """What a group that stays together asks of one host."""
    total: defaultdict[str, int] = defaultdict(int)
    for guest in group:
        for kind, amount in guest.request.needs:
            total[kind] += amount
    requests = [guest.request for guest in group]
    return Request(
        tuple(sorted(total.items())),
        frozenset().union(*(each.required for each in requests)),
        frozenset().union(*(each.forbidden for each in requests)),
        tuple(sorted({spec for each in requests for spec in each.specs})),
        max(each.cells for each in requests),
        max(each.page for each in requests),
        next((each.unjudged for each in requests if each.unjudged), ""),
        frozenset().union(*(each.pools for each in requests)),
    )
