"""Virtual functions of the node's network cards, by netlink, and which guests have them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.model import Row
from argus.catalogue.node_vf import (
    FUNCTIONS,
    FUNCTIONS_OF_GUESTS,
    OWN_NIC,
    OWN_STATISTICS,
    SETTINGS,
    STATISTICS,
    TEXTS,
)
from argus_agent.cycle import NoData, Unreadable
from argus_agent.kernel.sriov import read_cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.rtnetlink import Link, Statistics, VirtualFunction
    from argus_agent.kernel.sriov import Card

LOOK_AGAIN = 60.0  # seconds after which the functions are listed anew
OF_CARD = (FUNCTIONS, FUNCTIONS_OF_GUESTS)
OF_FUNCTION = (*STATISTICS, *SETTINGS, *TEXTS)
OF_GUEST = (*OWN_STATISTICS, OWN_NIC)
_NOT_COUNTED = (None,) * len(STATISTICS)


class NodeVf:
    """Cards are listed once a minute, and those that are divided are asked in each cycle."""

    stats = None

    def __init__(self) -> None:
        self._cards: tuple[Card, ...] = ()
        self._until = -math.inf

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield counters and settings of each function, and again the counters of those that guests have."""
        self._look(cycle)
        if not self._cards:
            raise NoData("no network card is divided into virtual functions")
        known = _owners(cycle)
        owners = known or {}
        for card in self._cards:
            of = {
                number: next((owners[key] for key in _keys(card, number) if key in owners), None)
                for number in card.names
            }
            had = sum(owner is not None for owner in of.values()) if known is not None else None
            yield Row(OF_CARD, (len(card.names), had), (card.name,))
            try:
                link = _asked(cycle, card)
            except (OSError, ValueError) as error:
                cycle.unread_files[card.name] = f"{card.name}: {error}"
                continue
            if link is None:
                continue
            if len(link.functions) < link.expected:
                cycle.unread_files[card.name] = (
                    f"{card.name}: the kernel tells of {len(link.functions)} of its {link.expected} functions"
                )
            yield from _told(card, link, of)

    def _look(self, cycle: Cycle) -> None:
        now = cycle.host.monotonic()
        if now < self._until:
            return
        base = cycle.host.sysfs / "class/net"
        if not base.is_dir():
            raise NoData(f"{base} does not exist")
        self._cards = read_cards(base, cycle.unread_files)
        self._until = now if cycle.unread_files else now + LOOK_AGAIN


def _owners(cycle: Cycle) -> Mapping[str, str] | None:
    """Guests by what they hold of the node; ``None`` where that is not known."""
    with suppress(NoData, Unreadable):  # no status files of libvirt's that this agent sees
        return {key: process.guest.uuid for process in cycle.running() for key in process.guest.devices}
    return None


def _keys(card: Card, number: int) -> Iterator[str]:
    if number in card.addresses:
        yield card.addresses[number]
    yield from card.names[number]


def _asked(cycle: Cycle, card: Card) -> Link | None:
    """Return what the kernel tells of the card, ``None`` where nobody can be asked.

    Raises ``ValueError`` when another card has that index: sysfs is not that of this network namespace.
    """
    links = cycle.host.link(card.ifindex)
    for link in links:
        if link.ifindex == card.ifindex and link.name == card.name:
            return link
    if links:
        raise ValueError(f"netlink has another interface as number {card.ifindex}")
    return None


def _told(card: Card, link: Link, owners: Mapping[int, str | None]) -> Iterator[Row]:
    counted = any(map(_counts, link.functions))
    for function in link.functions:
        address, owner = card.addresses.get(function.number), owners.get(function.number)
        numbers = function.statistics if counted and function.statistics else _NOT_COUNTED
        texts = (owner, function.mac or None, address)
        values = (*numbers, *_settings(function), *texts)
        yield Row(OF_FUNCTION, values, (card.name, str(function.number)))
        if owner and address:
            yield Row(OF_GUEST, (*_own(numbers), f"{card.name} vf {function.number}"), (owner, address))


def _counts(function: VirtualFunction) -> bool:
    """Whether the card counts: for a driver that does not, the kernel tells zeros for all functions."""
    return any(function.statistics or ())


def _settings(function: VirtualFunction) -> tuple[int | None, ...]:
    switches = (function.spoof_check, function.trusted)
    return function.vlan, function.link, *(None if on is None else int(on) for on in switches)


def _own(numbers: Statistics | Sequence[int | None]) -> tuple[int | None, ...]:
    """Without broadcasts and multicasts."""
    return (*numbers[:4], *numbers[6:])
