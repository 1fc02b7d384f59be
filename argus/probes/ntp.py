"""NTP: how far the clocks of control hosts are from ours, and whether they follow a source themselves.

SNTP as in RFC 4330 section 5: offset = ((T2 - T1) + (T3 - T4)) / 2.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.probes.members import Look, address, ask
from argus.probes.outcome import State
from argus.probes.wire import BlindError, ProbeError, reason

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 123
PACKET = struct.Struct("!BBbb11I")  # leap, version and mode; stratum; poll; precision; then 32 bit words
CLIENT = 0x23  # leap 0, version 4, mode 3
SERVER_MODE = 4
EPOCH = 2208988800  # seconds from 1900 to 1970
UNSYNCHRONISED = 16
LEAP_ALARM = 3


@dataclass(frozen=True, slots=True)
class Ntp:
    """``hosts`` are HOST[:PORT]; ``offset_max`` in seconds.

    Keystone refuses tokens, Ceph's monitors lose their quorum (0.05 s) and logs lie when clocks differ.
    """

    hosts: tuple[str, ...]
    offset_max: float = 0.5
    need: int = 1

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Ask every host for its time."""
        return ask("clock", self.hosts, lambda host: self._look(host, deadline), need=self.need)

    def _look(self, host: str, deadline: Deadline) -> Look:
        try:
            family, kind, proto, _, where = socket.getaddrinfo(*address(host, PORT), type=socket.SOCK_DGRAM)[
                0
            ]
            with socket.socket(family, kind, proto) as connection:
                connection.settimeout(deadline.left())
                connection.connect(where)
                sent = time.time()
                connection.send(request(sent))
                packet = connection.recv(1024)
                received = time.time()
        except OSError as exc:
            raise ProbeError(reason(exc)) from None
        found = judge(packet, sent, received, self.offset_max)
        return Look(found.state, found.message, received - sent, figures=found.figures)


def request(now: float) -> bytes:
    """Make the question; the time in it comes back, so that an old answer is not taken for a new one."""
    return PACKET.pack(CLIENT, 0, 0, 0, *(0,) * 9, *_stamp(now))


def _stamp(now: float) -> tuple[int, int]:
    seconds = int(now)
    return (seconds + EPOCH) & 0xFFFFFFFF, int((now - seconds) * 2**32) & 0xFFFFFFFF


def judge(packet: bytes, sent: float, received: float, offset_max: float) -> Look:
    """Judge an answer that came at ``received`` to a question of ``sent``.  Raises ``BlindError``."""
    if len(packet) < PACKET.size:
        raise BlindError("that is no NTP packet: it is too short")
    first, stratum, _, _, *words = PACKET.unpack_from(packet)
    if first & 7 != SERVER_MODE or (words[5], words[6]) != _stamp(sent):
        raise BlindError("that is no answer of an NTP server to this question")
    if stratum == 0:
        raise ProbeError(f"the server refuses: {struct.pack('!I', words[2]).decode(errors='replace')}")
    came, left = (_seconds(words[at], words[at + 1], received) for at in (7, 9))
    offset = ((came - sent) + (left - received)) / 2
    figures = {"offset_seconds": offset if offset >= 0 else -offset, "stratum": float(stratum)}
    if first >> 6 == LEAP_ALARM or stratum >= UNSYNCHRONISED:
        return Look(State.DEGRADED, "its clock follows no source", figures=figures)
    if abs(offset) > offset_max:
        side = "ahead of" if offset > 0 else "behind"
        return Look(State.DEGRADED, f"its clock is {abs(offset):.3f} s {side} ours", figures=figures)
    return Look(State.UP, figures=figures)


def _seconds(whole: int, fraction: int, near: float) -> float:
    """Seconds since 1970 of a timestamp; NTP's seconds begin anew in 2036, so the era is that of ``near``."""
    seconds = whole - EPOCH + fraction / 2**32
    return seconds + round((near - seconds) / 2**32) * 2**32
