"""Software RAID in sysfs.  Documentation/admin-guide/md.rst"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import listed
from argus_agent.kernel.numbers import integers

if TYPE_CHECKING:
    from argus_agent.kernel.disks import Look


class Array(NamedTuple):
    """One array; ``None``: the kernel does not say, as for levels without redundancy.

    ``done`` is the share of ``action`` that is done, ``speed`` in bytes per second.
    """

    state: str
    level: str
    disks: int | None
    degraded: int | None
    failed: int | None
    spares: int | None
    action: str
    done: float | None
    speed: int | None
    mismatches: int | None


def read_array(folder: str, look: Look) -> Array | None:
    """Return the array of ``/sys/block/md0/md``; ``None`` where there is none, or a container of others.

    Raises ``OSError`` when it cannot be listed.
    """
    state = look(f"{folder}/array_state")
    if state is None or state == "clear":  # a name without an array
        return None
    if is_container(look(f"{folder}/metadata_version") or ""):
        return None
    members = [
        ((look(f"{folder}/{name}/state") or "").split(","), look(f"{folder}/{name}/slot"))
        for name in listed(folder)
        if name.startswith("dev-")
    ]
    speed = number(look(f"{folder}/sync_speed"))
    return Array(
        state,
        look(f"{folder}/level") or "",
        number(look(f"{folder}/raid_disks")),
        number(look(f"{folder}/degraded")),
        sum("faulty" in words for words, _ in members) if members else None,
        # A disk that is being rebuilt onto is called a spare too, and has a slot.
        sum("spare" in words and slot == "none" for words, slot in members) if members else None,
        look(f"{folder}/sync_action") or "",
        parse_done(look(f"{folder}/sync_completed") or ""),
        None if speed is None else speed * 1024,
        number(look(f"{folder}/mismatch_cnt")),
    )


def is_container(metadata: str) -> bool:
    """Whether it only holds the disks of other arrays (Intel's or DDF's), and is inactive by nature."""
    return metadata.startswith("external:") and not metadata.startswith(("external:/", "external:-"))


def number(text: str | None) -> int | None:
    """Return the number that a file begins with: ``raid_disks`` shows ``4 (3)`` while it reshapes."""
    return next(iter(integers((text or "").split()[:1])), None)


def parse_done(text: str) -> float | None:
    """Return the share of ``sync_completed`` that is done: ``1024 / 4096``; ``None`` for none or delayed."""
    first, _, second = text.partition("/")
    done, whole = number(first), number(second)
    if done is None or whole is None or done < 0 or whole <= 0:
        return None
    return min(1.0, done / whole)
