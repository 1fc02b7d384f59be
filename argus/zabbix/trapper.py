"""Send a few values to Zabbix' trapper, as ``zabbix_sender`` does.

https://www.zabbix.com/documentation/6.0/en/manual/appendix/protocols/zabbix_sender
"""

from __future__ import annotations

import json
import re
import socket
import struct
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.zabbix.api import ZabbixError
from argus.zabbix_encryption import Tls
from argus.zabbix_tls import explain

if TYPE_CHECKING:
    from argus.zabbix_tls import Secure

_HEAD = struct.Struct("<4sBII")
_MAGIC, _PLAIN = b"ZBXD", 1
_LONGEST_ANSWER = 65536  # bytes; it is a line of text
_FAILED = re.compile(r"failed: (\d+)")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Trappers:
    """Servers or proxies, tried in order, and how connections to them are encrypted."""

    addresses: tuple[Address, ...] = ()
    tls: Tls = field(default_factory=Tls)
    secure: Secure | None = None


class NotTakenError(ZabbixError):
    """The server answers, and does not know the host or its item (yet)."""


def send(trappers: Trappers, host: str, key: str, value: str, timeout: float) -> None:
    """Send one value to the first server that answers; each may take ``timeout`` seconds.

    Raises ``ZabbixError`` when none answers, ``NotTakenError`` when it knows no such item.
    """
    body = json.dumps({"request": "sender data", "data": [{"host": host, "key": key, "value": value}]})
    troubles = []
    for address in trappers.addresses:
        try:
            answer = _exchange(address, body.encode(), timeout, trappers.secure)
        except (OSError, ValueError) as exc:
            troubles.append(f"{address[0]}:{address[1]}: {_why(exc, trappers.secure)}")
            continue
        failed = _FAILED.search(answer)
        if failed is None or failed[1] != "0":
            raise NotTakenError(
                f"{address[0]}:{address[1]} does not take {key} of host {host}; run `argus zabbix apply`"
            )
        return
    raise ZabbixError(f"no Zabbix server takes values ([zabbix] servers): {'; '.join(troubles)}")


def _why(exc: Exception, secure: Secure | None) -> str:
    return explain(exc) if secure else getattr(exc, "strerror", None) or str(exc)


def _exchange(address: Address, body: bytes, timeout: float, secure: Secure | None) -> str:
    with (
        socket.create_connection(address, timeout) as plain,
        closing(secure(plain) if secure else plain) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(_HEAD.pack(_MAGIC, _PLAIN, len(body), 0) + body)
        head = stream.read(_HEAD.size)
        if len(head) != _HEAD.size:
            raise ValueError("the connection was closed without an answer")
        magic, flags, size, _ = _HEAD.unpack(head)
        if magic != _MAGIC or flags != _PLAIN or size > _LONGEST_ANSWER:
            raise ValueError("that is no Zabbix server")
        return str(json.loads(stream.read(size)).get("info", ""))
