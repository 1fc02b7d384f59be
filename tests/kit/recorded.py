"""A recorded node: its files as a ``Host``, and libvirt's recorded answers as the agent would see them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from argus_agent.cycle import Allocation, Cycle
from argus_agent.guests import Guest, LibvirtView, parse_definition
from argus_agent.host import Host
from argus_agent.kernel.rtnetlink import Link, parse

FIXTURES = Path(__file__).parents[1] / "fixtures"
NODE = FIXTURES / "debian12-tcg"
G1, G2, G3 = (
    json.loads((NODE / "guests/domstats.json").read_text())[0]["guests"][n]["uuid"] for n in range(3)
)


def recorded_host(
    root: Path = NODE,
    clock: Callable[[], float] = lambda: 1000.0,
    monotonic: Callable[[], float] = lambda: 50.0,
) -> Host:
    """The machine; its clocks stand still."""
    files = (root / "proc", root / "sys", root / "run")
    links, space = recorded_links(root), recorded_statvfs(root)
    return Host("node-1", *files, clock, monotonic, link=links, statvfs=space)


def recorded_links(root: Path) -> Callable[[int], Sequence[Link]]:
    """The kernel's answers about network cards, ``netlink/INDEX.hex``; about others it knows nothing."""

    def link(index: int) -> Sequence[Link]:
        path = root / f"netlink/{index}.hex"
        return parse(bytes.fromhex(path.read_text())).links if path.exists() else ()

    return link


def recorded_statvfs(root: Path) -> Callable[[str], os.statvfs_result]:
    """What the file systems of the machine answered, by mount point below the root of PID 1."""
    file = root / "statvfs.json"
    answers = json.loads(file.read_text()) if file.exists() else {}

    def statvfs(path: str) -> os.statvfs_result:
        answer = answers.get("/" + path.removeprefix(f"{root}/proc/1/root").lstrip("/"))
        if answer is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return os.statvfs_result((*answer.values(), 0, 255))

    return statvfs


def recorded_guests(answer: int = 0) -> tuple[Guest, ...]:
    """The three guests g1, g2, g3 of one of the two answers."""
    guests = json.loads((NODE / "guests/domstats.json").read_text())[answer]["guests"]
    return tuple(
        Guest(
            g["uuid"],
            g["name"],
            g["running_id"],
            g["stats"],
            parse_definition((NODE / f"guests/{g['name']}.xml").read_text()),
        )
        for g in guests
    )


def recorded_cycle(answer: int = 0, host: Host | None = None) -> Cycle:
    """A cycle on the recorded node; the two answers are about five seconds apart."""
    at = json.loads((NODE / "guests/domstats.json").read_text())[answer]["at"]
    return cycle_with(recorded_guests(answer), at=at, host=host)


def cycle_with(guests: tuple[Guest, ...] | None, *, at: float = 1000.0, host: Host | None = None) -> Cycle:
    """A cycle in which libvirt answered with these guests, or not at all."""
    view = LibvirtView(up=guests is not None, guests=guests, complete=True, at=at, call_seconds=0.01)
    return Cycle(host or recorded_host(), at, view, Allocation())
