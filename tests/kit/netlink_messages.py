"""Builds what the kernel answers to RTM_GETLINK, attribute by attribute as net/core/rtnetlink.c does."""

from __future__ import annotations

import struct
from collections.abc import Iterable

NEWLINK, DONE, ERROR, MULTI, DUMP_INTR = 16, 3, 2, 0x2, 0x10


def attribute(kind: int, value: bytes) -> bytes:
    """A length beyond 16 bits begins again at 0, as the kernel's does."""
    length = (4 + len(value)) & 0xFFFF
    return struct.pack("=HH", length, kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 4242) + body + bytes(-len(body) % 4)


def error(number: int) -> bytes:
    return message(ERROR, struct.pack("=i", -number) + bytes(16))


def function(
    number: int,
    mac: str = "00:00:00:00:00:00",
    counters: tuple[int, ...] | None = (0,) * 8,
    *,
    vlan: int = 0,
    link: int = 0,
    spoof_check: int = 1,
    trust: int = 0,
    beside: bytes = b"",
) -> bytes:
    """One IFLA_VF_INFO; ``counters``: rx and tx packets, rx and tx bytes, broadcast, multicast, drops."""
    body = attribute(1, struct.pack("=I", number) + bytes.fromhex(mac.replace(":", "")).ljust(32, b"\0"))
    body += attribute(13, b"\xff" * 6 + bytes(26))
    body += attribute(2, struct.pack("=III", number, vlan, 0))
    body += attribute(6, struct.pack("=III", number, 0, 0)) + attribute(3, struct.pack("=II", number, 0))
    body += attribute(4, struct.pack("=II", number, spoof_check))
    body += attribute(5, struct.pack("=II", number, link))
    body += attribute(7, struct.pack("=II", number, 0xFFFFFFFF))
    body += attribute(9, struct.pack("=II", number, trust)) + beside
    if counters is not None:
        kinds = (0, 1, 2, 3, 4, 5, 7, 8)
        stats = b"".join(attribute(k, struct.pack("=Q", n)) for k, n in zip(kinds, counters, strict=True))
        body += attribute(8, stats)
    return attribute(1, body)


def link(index: int, name: str, functions: Iterable[bytes], *, expected: int, flags: int = 0) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, index, 0x11043, 0)
    body += attribute(3, name.encode() + b"\0") + attribute(13, struct.pack("=I", 1000))
    body += attribute(21, struct.pack("=I", expected)) + attribute(22, b"".join(functions))
    return message(NEWLINK, body + attribute(26, bytes(200)), flags)
