"""Small fleets for tests, and a packer that tries everything: the oracle."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from argus.correlator.capacity.model import (
    ANTI,
    Allocation,
    Fleet,
    Guest,
    Host,
    Inventory,
    Provider,
    Request,
    amounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def ask(vcpu: int = 0, memory: int = 0, disk: int = 0, **more: object) -> Request:
    return Request(amounts({"VCPU": vcpu, "MEMORY_MB": memory, "DISK_GB": disk}), **more)  # type: ignore[arg-type]  # tests name real fields


def host(name: str, vcpu: int, memory: int, *, ratio: float = 1.0, **more: object) -> Host:
    """A host without guests; ``settle`` counts them in."""
    offers = {"VCPU": Inventory(vcpu, ratio=ratio), "MEMORY_MB": Inventory(memory)}
    return Host(name, (Provider(f"rp-{name}", offers),), **more)  # type: ignore[arg-type]  # tests name real fields


def settle(name: str, hosts: Iterable[Host], guests: Iterable[Guest]) -> Fleet:
    """Make a fleet in which Placement holds what the guests ask for, where they are."""
    mine = tuple(guests)
    made = []
    for each in hosts:
        used: dict[str, int] = {}
        for guest in mine:
            if guest.host == each.name:
                for kind, amount in guest.request.needs:
                    used[kind] = used.get(kind, 0) + amount
        root = each.providers[0]
        provider = Provider(root.uuid, root.inventories, used, root.traits)
        fields = {name: getattr(each, name) for name in Host.__slots__ if name != "providers"}
        made.append(Host(providers=(provider, *each.providers[1:]), **fields))
    held = tuple(Allocation(guest.uuid, guest.host, guest.request.needs) for guest in mine)
    return Fleet(name, tuple(made), mine, allocations=held)


def fewest_left_out(fleet: Fleet, lost: str) -> int:
    """Return the least number of guests of ``lost`` that no placement on the other hosts can take.

    Tries every assignment: hosts to the power of guests.
    """
    guests = [guest for guest in fleet.guests if guest.host == lost]
    others = [each for each in fleet.hosts if each.name != lost and not each.closed]
    spots: Sequence[int | None] = (*range(len(others)), None)
    best = len(guests)
    for choice in product(spots, repeat=len(guests)):
        out = sum(1 for spot in choice if spot is None)
        if out < best and _allowed(fleet, guests, others, choice):
            best = out
    return best


def _allowed(
    fleet: Fleet, guests: Sequence[Guest], others: Sequence[Host], choice: Sequence[int | None]
) -> bool:
    zones = {each.name: each.zone for each in fleet.hosts}
    for spot, target in enumerate(others):
        here = [guest for guest, where in zip(guests, choice, strict=True) if where == spot]
        if any(zones[guest.host] != target.zone for guest in here):
            return False
        root = target.providers[0]
        for kind in root.inventories:
            if here and sum(dict(guest.request.needs).get(kind, 0) for guest in here) > root.free(kind):
                return False
        apart = [guest.group for guest in here if guest.policy == ANTI]
        apart += [g.group for g in fleet.guests if here and g.policy == ANTI and g.host == target.name]
        if any(apart.count(guest.group) > 1 for guest in here if guest.policy == ANTI):
            return False
    return True
