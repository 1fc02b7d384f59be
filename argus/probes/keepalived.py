"""Keepalived: who holds the virtual address; none is an outage, and two are worse.

Asks by ARP who has the address (RFC 826), as ``arping`` does, and counts the hardware addresses that answer.
Works on the segment of the address only, and needs the capability CAP_NET_RAW.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, Part, State
from argus.probes.wire import BlindError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.probes.wire import Deadline

FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
ETHERTYPE_ARP, ETHERNET, IPV4, ASK, ANSWER = 0x0806, 1, 0x0800, 1, 2
BROADCAST, NOBODY = b"\xff" * 6, b"\x00" * 6
LISTEN_SECONDS = 1.0  # a second holder answers within milliseconds


@dataclass(frozen=True, slots=True)
class Keepalived:
    """``address`` is the virtual IPv4 address, ``interface`` ours on its segment.

    ``members`` are NAME=HARDWARE ADDRESS of those who may hold it: names for people.
    """

    address: str
    interface: str
    members: tuple[str, ...] = ()
    sysfs: str = "/sys"
    _names: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check address and members.  Raises ``ValueError``."""
        try:
            ipaddress.IPv4Address(self.address)
        except ValueError:
            raise ValueError(f"{self.address!r} is no IPv4 address; there is no ARP for others") from None
        for member in self.members:
            name, equals, mac = member.partition("=")
            if not equals or len(mac.split(":")) != len(NOBODY):
                raise ValueError(f"{member!r} is not NAME=aa:bb:cc:dd:ee:ff")
            self._names[mac.lower()] = name

    def run(self, deadline: Deadline) -> Outcome:
        """Ask who has the address, and listen for a second."""
        begin = deadline.elapsed
        try:
            own = Path(self.sysfs, "class/net", self.interface, "address").read_text(encoding="ascii").strip()
        except OSError:
            raise BlindError(f"there is no interface {self.interface} here") from None
        try:
            holders, took = self._ask(bytes.fromhex(own.replace(":", "")), deadline)
        except PermissionError:
            raise BlindError("asking by ARP needs the capability CAP_NET_RAW") from None
        except OSError as exc:
            raise BlindError(f"{self.interface}: {exc.strerror}") from None
        return judge(self.address, sorted(holders), self._names, took - begin if took else None)

    def _ask(self, own: bytes, deadline: Deadline) -> tuple[set[str], float | None]:
        wanted = socket.inet_aton(self.address)
        holders: set[str] = set()
        first: float | None = None
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP)) as wire:
            wire.bind((self.interface, ETHERTYPE_ARP))
            wire.send(question(own, wanted))
            end = deadline.elapsed + min(LISTEN_SECONDS, deadline.left())
            while (left := end - deadline.elapsed) > 0:
                wire.settimeout(left)
                try:
                    frame = wire.recv(2048)
                except TimeoutError:
                    break
                if holder := parse(frame, wanted):
                    holders.add(holder)
                    first = first or deadline.elapsed
        return holders, first


def question(own: bytes, wanted: bytes) -> bytes:
    """Make the frame "who has": with no sender's address, so that nobody's cache changes (RFC 5227)."""
    head = (BROADCAST, own, ETHERTYPE_ARP, ETHERNET, IPV4, 6, 4, ASK)
    return FRAME.pack(*head, own, b"\x00" * 4, NOBODY, wanted)


def parse(frame: bytes, wanted: bytes) -> str:
    """Return the hardware address that says it has ``wanted``; empty for any other frame."""
    if len(frame) < FRAME.size:
        return ""
    _, _, ether, _, proto, _, _, what, mac, ip, _, _ = FRAME.unpack_from(frame)
    if (ether, proto, what, ip) != (ETHERTYPE_ARP, IPV4, ANSWER, wanted):
        return ""
    return str(mac.hex(":"))


def judge(address: str, holders: list[str], names: Mapping[str, str], latency: float | None) -> Outcome:
    """One holder is well."""
    if not holders:
        raise ProbeError(f"nobody holds {address}")
    known = [names.get(mac, mac) for mac in holders]
    figures = {"holders": float(len(holders))}
    if len(holders) > 1:
        who = " and ".join(known)
        return Outcome(State.DOWN, f"{who} hold {address} at the same time", latency, figures=figures)
    parts = tuple(
        Part("vip", name, State.UP, f"holds {address}")
        if mac == holders[0]
        else Part("vip", name, State.DISABLED, "stands by")
        for mac, name in (names or {holders[0]: known[0]}).items()
    )
    trouble = (
        f"{holders[0]} holds {address} and is not among members" if names and holders[0] not in names else ""
    )
    return Outcome(
        State.DEGRADED if trouble else State.UP,
        trouble,
        latency,
        parts=parts,
        trouble=trouble,
        figures=figures,
    )
