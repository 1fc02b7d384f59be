"""Overcommit by allocation and by pain: what was promised of what there is, and what it costs now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.correlator.capacity.model import DISK, MEMORY, VCPU, Pain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from argus.correlator.capacity.model import Host

KINDS = (VCPU, MEMORY, DISK)


@dataclass(frozen=True, slots=True)
class Overcommit:
    """``promised``: used / (total - reserved) by resource class: above 1 more than there is was given away.

    ``worst`` are the worst figures of any of the hosts; ``sore`` counts hosts by what hurts there;
    ``told`` is on how many of ``hosts`` an agent tells of pain at all.
    """

    hosts: int
    promised: Mapping[str, float]
    worst: Pain
    told: int


def overcommit(hosts: Iterable[Host]) -> Overcommit:
    """Sum promises, and take the worst of the pains."""
    mine = tuple(hosts)
    promised = {}
    for kind in KINDS:
        there = used = 0
        for host in mine:
            for provider in host.offering(kind):
                inventory = provider.inventories[kind]
                there += inventory.total - inventory.reserved
                used += provider.used.get(kind, 0)
        if there > 0:
            promised[kind] = used / there
    pains = [host.pain for host in mine]
    worst = Pain(
        _worst(pains, lambda pain: pain.steal),
        _worst(pains, lambda pain: pain.stall),
        _worst(pains, lambda pain: pain.swap),
        _worst(pains, lambda pain: pain.ballooned),
    )
    return Overcommit(len(mine), promised, worst, sum(1 for pain in pains if pain != Pain()))


def _worst(pains: Iterable[Pain], of: Callable[[Pain], float | None]) -> float | None:
    return max((value for pain in pains if (value := of(pain)) is not None), default=None)
