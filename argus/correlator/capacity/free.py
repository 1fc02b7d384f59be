"""What is left, by resource class, as Placement counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from argus.correlator.capacity.model import Fleet, Host


@dataclass(frozen=True, slots=True)
class Balance:
    """One resource class over some hosts.

    ``capacity``, ``used`` and ``free`` are sums of Placement's figures, so ``free`` may be below zero.
    ``doubled`` is the part of ``used`` that guests hold a second time after an evacuation or while they
    move: it was counted already where the guest is.  ``open`` is what is left on hosts that take guests, and
    ``over`` names the hosts, and shared providers, whose own balance is below zero.  What hosts share counts
    once, and in each scope that has one of them.
    """

    kind: str
    total: int
    reserved: int
    capacity: int
    used: int
    doubled: int
    open: int
    over: tuple[str, ...]

    @property
    def free(self) -> int:
        """Capacity less what is used, as Placement counts."""
        return self.capacity - self.used

    @property
    def taken(self) -> int:
        """What guests really hold: each one once."""
        return self.used - self.doubled


def balances(fleet: Fleet, hosts: Iterable[Host] | None = None) -> dict[str, Balance]:
    """Return the balance of each resource class over ``hosts`` (all of the fleet's by default)."""
    mine = tuple(fleet.hosts if hosts is None else hosts)
    twice = doubled(fleet)
    kinds = sorted({kind for host in mine for provider in host.providers for kind in provider.inventories})
    return {kind: _balance(kind, mine, twice) for kind in kinds}


def _balance(kind: str, hosts: Iterable[Host], twice: Mapping[tuple[str, str], int]) -> Balance:
    total = reserved = capacity = used = again = left = 0
    over: dict[str, None] = {}
    open_pools: set[str] = set()
    seen: set[str] = set()
    for host in hosts:
        mine = 0
        for provider in host.offering(kind):
            inventory, free = provider.inventories[kind], provider.free(kind)
            if not provider.shared:
                mine += free
            elif not host.closed and provider.uuid not in open_pools:
                open_pools.add(provider.uuid)
                left += max(0, free)
            if free < 0:
                over[provider.name or provider.uuid if provider.shared else host.name] = None
            if provider.shared and provider.uuid in seen:
                continue
            seen.add(provider.uuid)
            total += inventory.total
            reserved += inventory.reserved
            capacity += inventory.capacity
            used += provider.used.get(kind, 0)
        again += twice.get((host.name, kind), 0)
        left += 0 if host.closed else max(0, mine)
    return Balance(kind, total, reserved, capacity, used, again, left, tuple(over))


def doubled(fleet: Fleet) -> dict[tuple[str, str], int]:
    """Return what is held twice, by host and resource class.

    A guest holds its own UUID's allocation also on a host where it is not (evacuation), or a migration's UUID
    holds one for it where it comes from (live migration, resize).  Without the list of servers nothing is
    known to be double.
    """
    homes = {guest.uuid: guest.host for guest in fleet.guests}
    moving = {move.uuid: move.guest for move in fleet.moves}
    found: Counter[tuple[str, str]] = Counter()
    for held in fleet.allocations:
        if held.shared:  # a guest that moves keeps what it has there
            continue
        own = homes.get(held.consumer)
        stale = own is not None and own != held.host
        if stale or moving.get(held.consumer) in homes:
            for kind, amount in held.amounts:
                found[held.host, kind] += amount
    return dict(found)
