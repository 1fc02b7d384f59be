"""Noisy neighbours: who waits on a host, and who among the others there uses what the waiting is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WAIT_LEAST = 0.05  # share of time; less is scheduling noise
SHARE_LEAST = 0.25  # of what all guests of the host use; below that nobody stands out
SUSPECTS = 3


@dataclass(frozen=True, slots=True)
class Usage:
    """One guest over one interval.

    ``cpu``: CPUs used; ``disk`` and ``net``: bytes a second; ``steal`` and ``disk_wait``: shares of time
    (0 to 1) that it waited for a CPU or for a disk.  ``None``: not known.
    """

    uuid: str
    host: str
    label: str = ""
    project: str = ""
    cpu: float | None = None
    disk: float | None = None
    net: float | None = None
    steal: float | None = None
    disk_wait: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """A victim, what it waits for, and up to three others with their share of that resource on the host."""

    victim: Usage
    resource: str
    waits: float
    suspects: tuple[tuple[Usage, float], ...]


def noises(usages: Iterable[Usage], least: float = WAIT_LEAST) -> tuple[Noise, ...]:
    """Return victims whose host has somebody else that stands out; the worst waiter first."""
    by_host: dict[str, list[Usage]] = {}
    for usage in usages:
        by_host.setdefault(usage.host, []).append(usage)
    found = [noise for mine in by_host.values() for noise in _on_host(mine, least)]
    return tuple(sorted(found, key=lambda each: (-each.waits, each.victim.uuid, each.resource)))


def _on_host(mine: list[Usage], least: float) -> Iterable[Noise]:
    for resource, used in (
        ("cpu", {u.uuid: u.cpu for u in mine if u.cpu is not None}),
        ("disk", {u.uuid: u.disk for u in mine if u.disk is not None}),
    ):
        for victim in mine:
            waits = victim.steal if resource == "cpu" else victim.disk_wait
            if waits is None or waits < least:
                continue
            suspects = _suspects(mine, victim, used)
            if suspects:
                yield Noise(victim, resource, waits, suspects)


def _suspects(mine: list[Usage], victim: Usage, used: Mapping[str, float]) -> tuple[tuple[Usage, float], ...]:
    total = sum(used.values())
    if total <= 0:
        return ()
    shares = [
        (usage, used[usage.uuid] / total)
        for usage in mine
        if usage.uuid != victim.uuid
        and used.get(usage.uuid, 0.0) / total >= SHARE_LEAST
        and used[usage.uuid] > used.get(victim.uuid, 0.0)
    ]
    return tuple(sorted(shares, key=lambda each: (-each[1], each[0].uuid))[:SUSPECTS])
