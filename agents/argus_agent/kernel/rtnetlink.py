"""Virtual functions of a network card (SR-IOV), as rtnetlink tells them: RTM_GETLINK with RTEXT_FILTER_VF.

The kernel's include/uapi/linux/{netlink,rtnetlink,if_link}.h and rtnl_fill_vfinfo of net/core/rtnetlink.c.
Asked is one card at a time: a dump would have the kernel fill in every tap of the node.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length with this header, type
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_TWO = struct.Struct("=II")
_U32, _I32, _U64 = struct.Struct("=I"), struct.Struct("=i"), struct.Struct("=Q")
_NLMSG_ERROR, _NLMSG_DONE, _RTM_NEWLINK, _RTM_GETLINK = 2, 3, 16, 18
_NLM_F_REQUEST, _NLM_F_MULTI, _NLM_F_DUMP_INTR = 0x1, 0x2, 0x10
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_IFLA_IFNAME, _IFLA_NUM_VF, _IFLA_VFINFO_LIST, _IFLA_EXT_MASK, _IFLA_VF_INFO = 3, 21, 22, 29, 1
_VF_MAC, _VF_VLAN, _VF_SPOOF_CHECK, _VF_LINK_STATE, _VF_STATS, _VF_TRUST = 1, 2, 4, 5, 8, 9
# RTEXT_FILTER_SKIP_STATS is not set: since Linux 5.12 it leaves out those of virtual functions too.
_RTEXT_FILTER_VF = 1
_NOT_TOLD = 0xFFFFFFFF  # the driver does not know
_STATISTICS = (2, 3, 0, 1, 4, 5, 7, 8)  # IFLA_VF_STATS_*, in the order of ``Statistics``
_MAC_BYTES = 6
_SEQUENCE = 1
_LARGEST = 1 << 20  # bytes of one message; 256 functions take some 100 kB
_PARTS = 64
_ATTEMPTS = 3


class Statistics(NamedTuple):
    """Counters of a virtual function since its driver was loaded, in its direction; ``None``: not told."""

    rx_bytes: int | None
    tx_bytes: int | None
    rx_packets: int | None
    tx_packets: int | None
    rx_broadcast: int | None
    rx_multicast: int | None
    rx_dropped: int | None
    tx_dropped: int | None


class VirtualFunction(NamedTuple):
    """One virtual function; ``mac`` is empty where none was set.

    ``link`` is 0 (as the port's), 1 (always up) or 2 (always down); what is not told is ``None``.
    """

    number: int
    mac: str = ""
    vlan: int | None = None
    link: int | None = None
    spoof_check: bool | None = None
    trusted: bool | None = None
    statistics: Statistics | None = None


class Link(NamedTuple):
    """A network card; ``expected`` is how many functions the kernel says that it has."""

    ifindex: int
    name: str
    expected: int
    functions: tuple[VirtualFunction, ...]


class Part(NamedTuple):
    """What one datagram held.  ``last``: nothing more comes; ``interrupted``: it mixes two states."""

    links: tuple[Link, ...]
    last: bool
    interrupted: bool = False


def request(index: int) -> bytes:
    """Return the message that asks for a link with its virtual functions."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + 4, _IFLA_EXT_MASK) + _U32.pack(_RTEXT_FILTER_VF)
    return _HEADER.pack(_HEADER.size + len(body), _RTM_GETLINK, _NLM_F_REQUEST, _SEQUENCE, 0) + body


def ask(index: int, timeout: float = 1.0) -> tuple[Link, ...]:
    """Ask the kernel for a link with its virtual functions.

    Raises ``OSError``: no such link (ENODEV), no answer within ``timeout`` seconds, one without an end, or
    more functions than the kernel can say in one message (EMSGSIZE); ``ValueError`` for what is no answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.settimeout(timeout)
        link.bind((0, 0))
        for _ in range(_ATTEMPTS):
            link.send(request(index))
            part = _receive(link)
            if not part.interrupted:
                return part.links
    raise InterruptedError(f"link {index} changed each time that it was read")


def _receive(link: socket.socket) -> Part:
    links: tuple[Link, ...] = ()
    interrupted = False
    for _ in range(_PARTS):
        piece, _, flags, sender = link.recvmsg(_LARGEST)
        if sender[0] != 0:  # not the kernel: anybody on the node may send to a netlink socket
            continue
        if flags & socket.MSG_TRUNC:
            raise OSError(f"an answer of the kernel is larger than {_LARGEST} bytes")
        part = parse(piece)
        links += part.links
        interrupted = interrupted or part.interrupted
        if part.last:
            return Part(links, last=True, interrupted=interrupted)
    raise OSError(f"the kernel's answer does not end within {_PARTS} parts")


def parse(data: bytes) -> Part:
    """Parse messages of the kernel.  What it does not know it passes over.

    Raises ``OSError`` for an error that the kernel tells, ``ValueError`` for a message that is cut off.
    """
    links: list[Link] = []
    last = interrupted = False
    rest = memoryview(data)
    while rest:
        if len(rest) < _HEADER.size:
            raise ValueError(f"{len(rest)} bytes are no netlink message")
        length, kind, flags, _, _ = _HEADER.unpack_from(rest)
        if not _HEADER.size <= length <= len(rest):
            raise ValueError(f"a netlink message of {length} bytes is cut off after {len(rest)}")
        body = rest[_HEADER.size : length]
        rest = rest[_aligned(length) :]
        interrupted = interrupted or bool(flags & _NLM_F_DUMP_INTR)
        if kind == _NLMSG_ERROR:
            _raise(body)
        elif kind == _RTM_NEWLINK:
            links.append(_link(body))
        last = last or kind in (_NLMSG_ERROR, _NLMSG_DONE) or not flags & _NLM_F_MULTI
    return Part(tuple(links), last, interrupted)


def _raise(body: memoryview) -> None:
    if len(body) < _I32.size:
        raise ValueError("a netlink error without a number")
    number = -_I32.unpack_from(body)[0]
    if number:
        raise OSError(number, os.strerror(number))


def _link(body: memoryview) -> Link:
    if len(body) < _LINK.size:
        raise ValueError(f"a link of {len(body)} bytes")
    _, _, index, _, _ = _LINK.unpack_from(body)
    # The first of a kind counts: a list of more than 64 KiB has a length that began again at 0, and what
    # follows its last whole function looks like anything.
    known: dict[int, memoryview] = {}
    for kind, value in _attributes(body[_LINK.size :]):
        known.setdefault(kind, value)
    functions = (
        _function(value)
        for kind, value in _attributes(known.get(_IFLA_VFINFO_LIST, memoryview(b"")))
        if kind == _IFLA_VF_INFO
    )
    by_number = {function.number: function for function in functions if function is not None}
    name = bytes(known.get(_IFLA_IFNAME, b"")).partition(b"\0")[0].decode(errors="replace")
    expected = _number(known.get(_IFLA_NUM_VF)) or 0
    return Link(index, name, max(expected, len(by_number)), tuple(by_number.values()))


def _function(value: memoryview) -> VirtualFunction | None:
    """Return the function, or ``None`` when nothing in it says which one it is."""
    known = dict(_attributes(value))
    owner = next(
        (_number(known[kind]) for kind in (_VF_MAC, _VF_VLAN, _VF_LINK_STATE) if kind in known), None
    )
    if owner is None:
        return None
    return VirtualFunction(
        owner,
        _mac(known.get(_VF_MAC)),
        _setting(known.get(_VF_VLAN)),
        _setting(known.get(_VF_LINK_STATE)),
        _switch(known.get(_VF_SPOOF_CHECK)),
        _switch(known.get(_VF_TRUST)),
        _statistics(known[_VF_STATS]) if _VF_STATS in known else None,
    )


def _statistics(value: memoryview) -> Statistics:
    known = dict(_attributes(value))
    return Statistics(*(_counter(known.get(kind)) for kind in _STATISTICS))


def _attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield type and content of each attribute up to the end, or to one that is cut off."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind & _TYPE_MASK, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _number(value: memoryview | None) -> int | None:
    return None if value is None or len(value) < _U32.size else int(_U32.unpack_from(value)[0])


def _counter(value: memoryview | None) -> int | None:
    return None if value is None or len(value) < _U64.size else int(_U64.unpack_from(value)[0])


def _setting(value: memoryview | None) -> int | None:
    """The second number of ``struct ifla_vf_*``; the first one is the function's."""
    if value is None or len(value) < _TWO.size:
        return None
    setting = int(_TWO.unpack_from(value)[1])
    return None if setting == _NOT_TOLD else setting


def _switch(value: memoryview | None) -> bool | None:
    setting = _setting(value)
    return None if setting is None else bool(setting)


def _mac(value: memoryview | None) -> str:
    octets = bytes(value[_U32.size : _U32.size + _MAC_BYTES]) if value is not None else b""
    return octets.hex(":") if len(octets) == _MAC_BYTES and any(octets) else ""
