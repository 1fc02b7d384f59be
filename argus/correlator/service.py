"""Services and their parts, as the core sees them: plain values that probes found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """How a service or a part of one is."""

    UP = "up"
    DEGRADED = "degraded"  # works for its users, but the next failure may be an outage
    DOWN = "down"
    DENIED = "not permitted"  # it answers, and does not let us look: no word about its health
    UNKNOWN = "unknown"  # nothing can be said, the reason is in the message
    DISABLED = "disabled"  # switched off on purpose


IDENTITY = "keystone"  # the service without which no other can be asked
USER_CHECK = "user-check"  # what a user does, from log-in to a server with a volume, and whether it works
USED = (IDENTITY, "nova", "placement", "glance", "neutron", "cinder")  # by that check


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a region, or something that services stand on (``base``).

    ``name`` is ``CLOUD/REGION/SERVICE``; ``since`` when the state began, in seconds since the epoch;
    ``latency`` in seconds; ``stands_on`` are the names of services that it cannot do without.  ``spent`` is
    the share of the month's error budget that is used up (1: all), ``None`` where no budget is agreed.
    """

    name: str
    kind: str
    state: State
    message: str
    since: float
    base: bool = False
    trouble: str = ""
    latency: float | None = None
    stands_on: tuple[str, ...] = ()
    spent: float | None = None
    burn: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One process, agent, member or backend of a service.

    ``reports`` tells whether the node of that name sends values to Zabbix (``None``: no such node there),
    ``guests`` how many it runs, where it says.
    """

    name: str
    service: str
    kind: str
    host: str
    state: State
    message: str
    since: float
    stands_on: tuple[str, ...] = ()
    reports: bool | None = None
    guests: int | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """One round of all probes."""

    services: tuple[Service, ...]
    parts: tuple[Part, ...]
