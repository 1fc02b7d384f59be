"""Which limits hold for which disks of a guest: pure, from its definition.

QEMU keeps one set of buckets for each throttle group, from which all disks of the group take; a disk that
names none has a group of its own.  A request larger than ``size_iops_sec`` counts as its size divided by
that, every other one as 1 (util/throttle.c, throttle_account).  Flushes are not limited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from argus_agent.guests import Definition

SIZE = "size_iops_sec"
READ, WRITE = "rd", "wr"
DIRECTIONS = {"total": (READ, WRITE), "read": (READ,), "write": (WRITE,)}
KINDS = {"bytes": "bytes", "iops": "reqs"}
WORDS = {
    f"{scope}_{kind}_sec": (directions, counter)
    for scope, directions in DIRECTIONS.items()
    for kind, counter in KINDS.items()
}
"""Words of <iotune>: the directions that they are about, and what is counted of each."""


class Bucket(NamedTuple):
    """Limits that ``disks``, by target device, share; ``name`` tells buckets of a guest apart."""

    name: tuple[str, str]
    limits: Mapping[str, int]
    disks: tuple[str, ...]


class Limit(NamedTuple):
    """One limit of a bucket: at most so many bytes or requests per second; see WORDS."""

    bucket: tuple[str, str]
    word: str
    most: int
    size: int | None


def limits_of(bucket: Bucket) -> list[Limit]:
    """Return the limits that hold all the time: not those of bursts."""
    size = bucket.limits.get(SIZE)
    return [Limit(bucket.name, word, most, size) for word, most in bucket.limits.items() if word in WORDS]


def buckets(definition: Definition, there: Iterable[str]) -> list[Bucket]:
    """Return the buckets of the disks that are ``there`` and limited.

    libvirt gives all members of a group the same limits.  Where the XML says otherwise, QEMU has those that
    were set last, which is not known: such a limit is left out.
    """
    members: dict[tuple[str, str], list[tuple[str, Mapping[str, int]]]] = {}
    for target in there:
        disk = definition.disks.get(target)
        if disk is None:
            continue
        if disk.limits:
            own = ("group", disk.group) if disk.group else ("disk", target)
            members.setdefault(own, []).append((target, disk.limits))
        for group in disk.filters:
            members.setdefault(("filter", group), []).append((target, definition.groups.get(group, {})))
    return [
        Bucket(name, _agreed([limits for _, limits in each]), tuple(target for target, _ in each))
        for name, each in members.items()
    ]


def _agreed(limits: list[Mapping[str, int]]) -> dict[str, int]:
    if len({each.get(SIZE) for each in limits}) > 1:
        limits = [{word: limit for word, limit in each.items() if "iops" not in word} for each in limits]
    first, *others = limits
    return {word: limit for word, limit in first.items() if all(each.get(word) == limit for each in others)}
