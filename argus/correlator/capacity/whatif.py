"""Changed fleets: with hosts added, or with guests booted, to ask the same questions of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from argus.correlator.capacity.fit import fit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.correlator.capacity.fit import Fit
    from argus.correlator.capacity.model import Fleet, Host, Request


def with_hosts(fleet: Fleet, like: Host, number: int) -> Fleet:
    """Add empty hosts like one that there is: same sizes, ratios, traits, zone and aggregates; what it shares
    with others they share too.
    """
    empty = tuple(each if each.shared else replace(each, used={}) for each in like.providers)
    added = tuple(
        replace(like, name=f"{like.name}+{n}", providers=empty, closed="", defined=None)
        for n in range(1, number + 1)
    )
    return replace(fleet, hosts=(*fleet.hosts, *added))


def boot(hosts: Iterable[Host], request: Request, number: int, project: str = "") -> tuple[bool, Fit]:
    """Tell whether ``number`` guests of ``request`` fit at once, and how many would."""
    found = fit(hosts, request, project)
    return found.count >= number, found
