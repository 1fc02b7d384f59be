"""Where Nova, Placement and libvirt disagree about who is where and what a host has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.correlator.capacity.model import Fleet, Host

DONE = frozenset({"completed", "done", "error", "failed", "cancelled", "confirmed", "reverted"})
PARTS = ("servers", "allocations", "migrations")


@dataclass(frozen=True, slots=True)
class Drift:
    """One disagreement; ``kind`` is a word that stays, ``subject`` a guest, consumer or aggregate."""

    kind: str
    host: str
    subject: str
    text: str

    @property
    def key(self) -> str:
        """Name it, so that two readings can be compared."""
        return f"{self.kind} {self.host} {self.subject}"


def drifts(fleet: Fleet) -> tuple[Drift, ...]:
    """Return what disagrees.  A comparison whose sides were not all read is not made (``Fleet.missing``)."""
    found: list[Drift] = []
    if not any(part in fleet.missing for part in PARTS):
        found += _allocations(fleet)
    if not {"servers", "openstack"} & fleet.missing.keys():
        found += _domains(fleet)
    if "migrations" not in fleet.missing:
        found += _two_hosts(fleet)
    found += _ratios(fleet)
    found += [drift for host in fleet.hosts for drift in _hardware(host)]
    return tuple(sorted(found, key=lambda each: (each.kind, each.host, each.subject)))


def _allocations(fleet: Fleet) -> Iterator[Drift]:
    guests = {guest.uuid: guest for guest in fleet.guests}
    moves = {move.uuid: move for move in fleet.moves}
    moving = _moving(fleet)
    holds: defaultdict[str, set[str]] = defaultdict(set)
    for held in fleet.allocations:
        if not held.shared:
            holds[held.consumer].add(held.host)
        guest, move = guests.get(held.consumer), moves.get(held.consumer)
        if guest is not None:
            if held.shared:
                continue
            if guest.host and held.host != guest.host and guest.uuid not in moving:
                text = f"{guest.label} runs on {guest.host} and still holds {held.host} (evacuated?)"
                yield Drift("doubled", held.host, held.consumer, text)
        elif move is None:
            text = f"Nova knows neither server nor migration {held.consumer}: the allocation is leaked"
            yield Drift("leaked", held.host, held.consumer, text)
        elif move.status.lower() in DONE:
            text = f"migration {move.uuid} of {move.guest} is {move.status} and still holds {held.host}"
            yield Drift("leaked", held.host, held.consumer, text)
    for guest in fleet.guests:
        if guest.host and guest.uuid not in holds and guest.request.needs:
            text = f"{guest.label} is on {guest.host} and Placement holds nothing for it"
            yield Drift("unallocated", guest.host, guest.uuid, text)


def _moving(fleet: Fleet) -> set[str]:
    return {move.guest for move in fleet.moves if move.status.lower() not in DONE}


def _on_two_hosts(fleet: Fleet) -> dict[str, list[str]]:
    """Return the hosts of each guest that libvirt has on more than one."""
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for host in fleet.hosts:
        for uuid in host.defined or ():
            seen[uuid].append(host.name)
    moving = _moving(fleet)
    return {uuid: names for uuid, names in seen.items() if len(names) > 1 and uuid not in moving}


def _two_hosts(fleet: Fleet) -> Iterator[Drift]:
    for uuid, names in _on_two_hosts(fleet).items():
        text = f"libvirt has {uuid} on {' and on '.join(names)}: where both run, they destroy its disk"
        yield Drift("two_hosts", names[0], uuid, text)


def _domains(fleet: Fleet) -> Iterator[Drift]:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    where = {guest.uuid: guest.host for guest in fleet.guests}
    for guest in fleet.guests:
        homes[guest.host].add(guest.uuid)
    moving, twice = _moving(fleet), _on_two_hosts(fleet).keys()
    for host in fleet.hosts:
        if host.defined is None:
            continue
        for uuid in sorted(host.defined - homes[host.name] - moving - twice):
            other = where.get(uuid)
            text = f"libvirt on {host.name} has {uuid}; " + (
                f"Nova has it on {other}" if other else "Nova does not know it"
            )
            yield Drift("unknown_domain", host.name, uuid, text)
        for uuid in sorted(homes[host.name] - host.defined - moving):
            text = f"Nova has {uuid} on {host.name}; libvirt there does not know it"
            yield Drift("missing_domain", host.name, uuid, text)


def _ratios(fleet: Fleet) -> Iterator[Drift]:
    for aggregate, hosts in fleet.scopes("aggregate").items():
        for kind in ("VCPU", "MEMORY_MB", "DISK_GB"):
            by_ratio: defaultdict[float, list[str]] = defaultdict(list)
            for host in hosts:
                for provider in host.offering(kind):
                    if provider.shared:
                        continue
                    by_ratio[provider.inventories[kind].ratio].append(host.name)
            if len(by_ratio) > 1:
                usual = max(by_ratio, key=lambda ratio: (len(by_ratio[ratio]), ratio))
                for ratio in sorted(set(by_ratio) - {usual}):
                    for name in by_ratio[ratio]:
                        text = f"{kind} ratio {ratio:g} on {name}, {usual:g} elsewhere in {aggregate}"
                        yield Drift("ratio", name, f"{aggregate} {kind}", text)


def _hardware(host: Host) -> Iterator[Drift]:
    """More is offered than the agent says that there is; a little less is reserved memory of the firmware."""
    for kind, real, slack in (("VCPU", host.cpus, 0), ("MEMORY_MB", host.memory, 0.02)):
        offered = sum(provider.inventories[kind].total for provider in host.offering(kind))
        if real is not None and offered > real * (1 + slack):
            text = f"{kind}: Placement has {offered}, the node has {real}"
            yield Drift("inventory", host.name, kind, text)
