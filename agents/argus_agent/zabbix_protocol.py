"""Zabbix' protocol as its senders and active agents speak it, in the dialect that 6.0 and 7.0 both take.

Frame: ``ZBXD``, a flags byte, length and uncompressed length, then JSON, compressed by zlib or not.
https://www.zabbix.com/documentation/6.0/en/manual/appendix/protocols/header_datalen
"""

from __future__ import annotations

import json
import re
import socket
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argus.zabbix_tls import Secure
    from argus_agent.settings import Address

MAGIC = b"ZBXD"
PROTOCOL, COMPRESSED, LARGE = 1, 2, 4
MAX_REPLY = 16 * 1024 * 1024
"""Bytes of a reply, before and after unpacking.  Replies to an agent without active items are below 1 kB."""
COMPRESS_ABOVE = 1024
MAX_REDIRECTS = 2
CONNECT_SECONDS = 10.0
"""At most, for the connection alone: a server that is busy has one all the same, made by its kernel."""
_INFO = re.compile(r"processed: (\d+); failed: (\d+); total: (\d+)")


class ZabbixError(Exception):
    """No usable answer came; the message names the server."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a trapper item; with the same clock and ns it may be sent again without harm."""

    host: str
    key: str
    value: str
    clock: int
    ns: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How many values of a request were taken and how many refused; which ones is not told."""

    processed: int
    failed: int


def pack(payload: bytes) -> bytes:
    """Frame a payload, compressed when it is worth it."""
    if len(payload) <= COMPRESS_ABOVE:
        return MAGIC + struct.pack("<BII", PROTOCOL, len(payload), 0) + payload
    body = zlib.compress(payload, 1)
    return MAGIC + struct.pack("<BII", PROTOCOL | COMPRESSED, len(body), len(payload)) + body


def unpack(read: Callable[[int], bytes]) -> bytes:
    """Read one frame; ``read(n)`` gives exactly n bytes or raises.

    Raises ``ValueError`` for anything but a frame of at most ``MAX_REPLY`` bytes.
    """
    head = read(5)
    flags = head[4]
    if head[:4] != MAGIC or not flags & PROTOCOL or flags & ~(PROTOCOL | COMPRESSED | LARGE):
        raise ValueError(f"the answer starts with {head!r}: that is no Zabbix server")
    size, unpacked = struct.unpack("<QQ", read(16)) if flags & LARGE else struct.unpack("<II", read(8))
    if max(size, unpacked) > MAX_REPLY:
        raise ValueError(f"the answer claims {max(size, unpacked)} bytes; more than {MAX_REPLY} are not read")
    body = read(size)
    return _inflate(body, unpacked) if flags & COMPRESSED else body


def _inflate(body: bytes, size: int) -> bytes:
    unzip = zlib.decompressobj()
    try:
        data = unzip.decompress(body, size + 1)
    except zlib.error as error:
        raise ValueError(f"the answer cannot be unpacked: {error}") from error
    if len(data) != size or not unzip.eof:
        raise ValueError(f"the answer unpacks to something else than the {size} bytes it claims")
    return data


def sender_data(values: Iterable[Value], now: float) -> dict[str, Any]:
    """Return the request that carries values; ``now`` is the sender's clock, for the server's log only."""
    clock, ns = split_time(now)
    data = [{"host": v.host, "key": v.key, "value": v.value, "clock": v.clock, "ns": v.ns} for v in values]
    return {"request": "sender data", "data": data, "clock": clock, "ns": ns}


def active_checks(host: str, metadata: str) -> dict[str, Any]:
    """Return the request that autoregisters a host.

    Without ``version``, which the dialects differ in.  The address is the same for every node: Zabbix 6.0
    would add an interface to a guest's host each time another node registers it.
    """
    return {
        "request": "active checks",
        "host": host,
        "host_metadata": metadata,
        "ip": "127.0.0.1",
        "port": 10050,
    }


def parse_taken(reply: dict[str, Any]) -> Taken:
    """Read the answer to ``sender_data``.  Raises ``ValueError`` when it is no success."""
    found = _INFO.search(str(reply.get("info", "")))
    if reply.get("response") != "success" or found is None:
        raise ValueError(f"values were not taken: {str(reply)[:200]}")
    return Taken(int(found[1]), int(found[2]))


def split_time(seconds: float) -> tuple[int, int]:
    """Return whole seconds and nanoseconds."""
    clock = int(seconds)
    return clock, int((seconds - clock) * 1e9)


def exchange(
    address: Address, request: dict[str, Any], timeout: float, secure: Secure | None = None
) -> dict[str, Any]:
    """Send a request and return the answer; the whole exchange takes at most ``timeout`` seconds.

    ``secure`` encrypts the connection.  Follows the redirects of 7.0's proxy groups.  Raises ``ZabbixError``.
    """
    deadline = time.monotonic() + timeout
    payload = pack(json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode())
    for _ in range(MAX_REDIRECTS + 1):
        reply = _exchange(address, payload, deadline, secure)
        redirect = reply.get("redirect")
        if not isinstance(redirect, dict) or not redirect.get("address"):
            return reply
        address = _redirected(address, str(redirect["address"]))
    raise ZabbixError(f"{address}: redirected more than {MAX_REDIRECTS} times")


def _redirected(address: Address, target: str) -> Address:
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal():
        host, port = target, str(address.port)
    return type(address)(host.removeprefix("[").removesuffix("]"), int(port))


def _exchange(address: Address, payload: bytes, deadline: float, secure: Secure | None) -> dict[str, Any]:
    try:
        with _connect(address, deadline, secure) as sock:
            sock.settimeout(_left(deadline))
            sock.sendall(payload)
            reply = json.loads(unpack(lambda size: _read(sock, size, deadline)).decode())
    except TimeoutError as error:
        raise ZabbixError(f"{address}: no answer in time") from error
    except (OSError, ValueError) as error:  # JSON and Unicode errors are ValueErrors
        if secure is not None:
            from argus.zabbix_tls import explain  # noqa: PLC0415 -- loaded already where there is TLS

            raise ZabbixError(f"{address}: {explain(error)}") from error
        raise ZabbixError(f"{address}: {error}") from error
    if not isinstance(reply, dict):
        raise ZabbixError(f"{address}: the answer is no JSON object")
    return reply


def _connect(address: Address, deadline: float, secure: Secure | None) -> socket.socket:
    patience = min(CONNECT_SECONDS, _left(deadline))
    plain = socket.create_connection((address.host, address.port), patience)
    if secure is None:
        return plain
    try:
        plain.settimeout(_left(deadline))
        return secure(plain)
    except BaseException:
        plain.close()
        raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read(sock: socket.socket, size: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        sock.settimeout(_left(deadline))  # a server that drips a byte a second gets no more time than others
        chunk = sock.recv(min(size - len(data), 65536))
        if not chunk:
            raise ConnectionError(f"the server closed the connection after {len(data)} of {size} bytes")
        data += chunk
    return bytes(data)
