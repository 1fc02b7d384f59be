"""Network cards that are divided into virtual functions, from /sys/class/net.

Documentation/ABI/testing/sysfs-bus-pci (sriov_numvfs, virtfnN, uevent).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.netdev import is_of_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from pathlib import Path

_FUNCTION = re.compile(r"virtfn([0-9]+)")
_SLOT = re.compile(r"^PCI_SLOT_NAME=(\S+)$", re.MULTILINE)


class Card(NamedTuple):
    """A card with virtual functions: by number the PCI address of each, and further names of it by which a
    guest may have it (its interface on the node, its vDPA device).
    """

    name: str
    ifindex: int
    addresses: Mapping[int, str]
    names: Mapping[int, frozenset[str]]


def read_cards(base: Path, unread: MutableMapping[str, str]) -> tuple[Card, ...]:
    """Return the cards below ``base`` (/sys/class/net) that have functions.

    Raises ``OSError`` when ``base`` cannot be listed; ``unread`` takes cards that cannot be read, and why.
    Ports that share one PCI device would list all functions each: the first one does.  Representors (of a
    card in switchdev mode) sit on the card's device too, and are no cards.
    """
    cards: dict[str, Card] = {}
    for folder in sorted(base.iterdir()):
        device = folder / "device"
        try:
            if int(read(f"{device}/sriov_numvfs")) > 0 and is_of_node(folder):
                cards.setdefault(str(device.resolve()), _card(folder, device))
        except OSError as error:
            if not is_absence(error):
                unread[folder.name] = str(error)
        except ValueError as error:
            unread[folder.name] = f"{folder}: {error}"
    return tuple(cards.values())


def _card(folder: Path, device: Path) -> Card:
    addresses, names = {}, {}
    for path in device.iterdir():
        found = _FUNCTION.fullmatch(path.name)
        if found:
            number = int(found[1])
            slot = _SLOT.search(read(f"{path}/uevent"))
            if slot:
                addresses[number] = slot[1]
            names[number] = frozenset(_names(path))
    return Card(folder.name, int(read(f"{folder}/ifindex")), addresses, names)


def _names(function: Path) -> Iterator[str]:
    """Names of the function's interface, if the node has one, and of its vDPA devices."""
    with suppress(FileNotFoundError):  # a guest has it: its driver on the node is vfio
        yield from (path.name for path in (function / "net").iterdir())
    for path in function.glob("vdpa*"):
        yield path.name
        yield from (below.name for below in path.glob("vhost-vdpa-*"))
