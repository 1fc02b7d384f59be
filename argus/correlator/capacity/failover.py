"""N+k: when a host, a rack or a zone is lost, do its guests fit on what is left, and which do not."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from argus.correlator.capacity.fit import may_fit, on_host
from argus.correlator.capacity.numa import is_bound
from argus.correlator.capacity.packing import Bins, items, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from argus.correlator.capacity.model import Fleet, Guest

HEAVIEST = 10  # hosts of which each k are lost at once: all pairs of 10,000 would be fifty million


@dataclass(frozen=True, slots=True)
class Loss:
    """What follows from losing ``unit`` (hosts by name): who moves where, and who is left without a host.

    ``short`` is what those left out ask for together, by resource class.  ``unsure`` are guests with a NUMA
    topology for which a host may or may not have the NUMA nodes: nobody tells.
    """

    unit: str
    hosts: tuple[str, ...]
    moved: tuple[tuple[Guest, str], ...]
    stranded: tuple[Guest, ...]
    short: Mapping[str, int]
    unsure: tuple[Guest, ...] = ()

    @property
    def survives(self) -> bool:
        """Whether all guests are sure of a place."""
        return not self.stranded and not self.unsure


class Failover:
    """Tries losses on one fleet; the work that all of them share is done once."""

    def __init__(self, fleet: Fleet, *, across_zones: bool = False) -> None:
        """Take a fleet; ``across_zones`` lets guests leave their availability zone."""
        self.fleet = fleet
        self._zones = {host.name: host.zone for host in fleet.hosts}
        self._hosts = Counter(self._zones.values())  # by zone
        self._index = {host.name: index for index, host in enumerate(fleet.hosts)}
        self._strict = Bins.of(fleet, across_zones=across_zones)
        self._anywhere = self._strict if across_zones else Bins.of(fleet, across_zones=True)
        self._guests: defaultdict[str, list[Guest]] = defaultdict(list)
        for guest in fleet.guests:
            self._guests[guest.host].append(guest)

    def lose(self, unit: str, hosts: Iterable[str]) -> Loss:
        """Try the loss of some hosts at once.  Hosts that take no guests now take none then.

        Guests stay in their zone unless all hosts of it are lost: then Nova has to be told to move them.
        """
        names = tuple(sorted(hosts))
        lost = frozenset(self._index[name] for name in names if name in self._index)
        guests = [guest for name in names for guest in self._guests.get(name, ())]
        gone = Counter(zone for name in names if (zone := self._zones.get(name)))
        whole = any(number == self._hosts[zone] for zone, number in gone.items())
        bins = self._anywhere if whole else self._strict
        placed, out = pack(bins, items(guests, self._zones), lost)
        moved = [(guest, self.fleet.hosts[index].name) for item, index in placed for guest in item.guests]
        left = [guest for item in out for guest in item.guests]
        unsure = tuple(guest for guest in left if self._may_fit(guest, bins, lost))
        stranded = tuple(guest for guest in left if guest not in unsure)
        short: Counter[str] = Counter()
        for guest in stranded:
            short.update(dict(guest.request.needs))
        return Loss(unit, names, tuple(moved), stranded, dict(short), unsure)

    def _may_fit(self, guest: Guest, bins: Bins, lost: frozenset[int]) -> bool:
        if not is_bound(guest.request):
            return False
        zone = "" if bins.across_zones else self._zones.get(guest.host, "")
        return any(
            (not zone or host.zone == zone) and may_fit(host, guest.request, guest.project)
            for index, host in enumerate(self.fleet.hosts)
            if index not in lost and on_host(host, guest.request, guest.project) == 0
        )

    def each(self, by: str, progress: Callable[[int, int], None] | None = None) -> Iterator[Loss]:
        """Try the loss of each ``host``, ``rack``, ``az`` or ``aggregate`` in turn."""
        units = {
            name: [host.name for host in hosts]
            for name, hosts in self.fleet.scopes(by).items()
            if any(self._guests.get(host.name) for host in hosts)
        }
        for done, (unit, hosts) in enumerate(units.items()):
            if progress is not None and done % 64 == 0:
                progress(done, len(units))
            yield self.lose(unit, hosts)
        if progress is not None:
            progress(len(units), len(units))

    def together(self, number: int, most: int = HEAVIEST) -> Iterator[Loss]:
        """Try N+k: each ``number`` at once of the ``most`` hosts with the most memory promised.

        Hosts without guests count: what is lost with them is the room for others.
        """
        hosts = {*self._guests, *(host.name for host in self.fleet.hosts)}
        heavy = sorted(hosts, key=lambda name: (-self._weight(name), name))[:most]
        for names in combinations(heavy, number):
            yield self.lose(" and ".join(names), names)

    def _weight(self, name: str) -> int:
        return sum(dict(guest.request.needs).get("MEMORY_MB", 0) for guest in self._guests.get(name, ()))
