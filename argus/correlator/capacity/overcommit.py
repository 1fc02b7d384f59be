"""Overcommit by allocation and by pain: what was promised of what there is, and what it costs now."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from argus.correlator.capacity.model import DISK, MEMORY, VCPU, Pain, offering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from argus.correlator.capacity.model import Host

KINDS = (VCPU, MEMORY, DISK)


@dataclass(frozen=True, slots=True)
class Overcommit:
    """``promised``: used / (total - reserved) by resource class: above 1 more than there is was given away.

    ``worst`` are the worst figures of any of the hosts, ``where`` names the host of each of them, by the
    field of ``Pain``; ``told`` is on how many of ``hosts`` an agent tells of pain at all.
    """

    hosts: int
    promised: Mapping[str, float]
    worst: Pain
    where: Mapping[str, str]
    told: int


def overcommit(hosts: Iterable[Host]) -> Overcommit:
    """Sum promises, and take the worst of the pains."""
    mine = tuple(hosts)
    promised = {}
    for kind in KINDS:
        there = used = 0
        for provider in offering(mine, kind):
            inventory = provider.inventories[kind]
            there += inventory.total - inventory.reserved
            used += provider.used.get(kind, 0)
        if there > 0:
            promised[kind] = used / there
    sorest = {each.name: found for each in fields(Pain) if (found := _sorest(mine, each.name))}
    return Overcommit(
        len(mine),
        promised,
        Pain(**{name: value for name, (value, _) in sorest.items()}),
        {name: where for name, (value, where) in sorest.items() if value},
        sum(1 for host in mine if host.pain != Pain()),
    )


def _sorest(hosts: Iterable[Host], field: str) -> tuple[float, str] | None:
    """Return the worst figure of one kind and whose it is; ``None`` where nobody tells."""
    told = [(value, host.name) for host in hosts if (value := getattr(host.pain, field)) is not None]
    return max(told, default=None)
