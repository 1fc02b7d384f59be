"""Which guests need a host in Zabbix that their node cannot register, or must come another way.  Pure.

Zabbix registers nobody by certificate (documentation, "Active agent autoregistration": only unencrypted or
PSK).  What a node with a certificate has is made for it here, and follows it from proxy to proxy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Way = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """A node and the guests that libvirt has there, by UUID.

    ``way``: the fields of a Zabbix host (``tls_accept``, ``proxyid``, ...) that say how its values come, to
    be those of its guests too; ``None`` where the node registers its guests by itself.
    """

    name: str
    guests: frozenset[str]
    way: Way | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Hosts to make, by UUID, and hosts to change, by hostid, each with the way of the node it is on."""

    make: tuple[tuple[str, Way], ...]
    change: tuple[tuple[str, Way], ...]


def adopt(nodes: Iterable[Node], hosts: Mapping[str, tuple[str, Way]]) -> Adoption:
    """Compare guests with the ``hosts`` that there are: hostid and way, by UUID.

    A guest that two nodes have is on its way from one to the other: it waits.
    """
    known = tuple(nodes)
    listed = Counter(uuid for node in known for uuid in node.guests)
    make, change = [], []
    for node in known:
        if node.way is None:
            continue
        for uuid in sorted(node.guests):
            if listed[uuid] > 1:
                continue
            hostid, way = hosts.get(uuid, ("", None))
            if not hostid:
                make.append((uuid, node.way))
            elif way != node.way:
                change.append((hostid, node.way))
    return Adoption(tuple(make), tuple(change))
