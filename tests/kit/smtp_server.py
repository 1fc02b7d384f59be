"""A real SMTP server on a port of its own, that answers as it is told."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


STALL_SECONDS = 300


@dataclass
class Mailbox:
    """What arrived, byte by byte; ``rcpt`` and ``data`` are the answers to give, one after the other."""

    port: int
    raw: list[bytes] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    stalled: int = 0  # so many mails are read and never answered

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        answer = self.rcpt.pop(0) if self.rcpt else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if self.stalled:
            self.stalled -= 1
            await asyncio.sleep(STALL_SECONDS)  # ends when the client goes
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer.startswith("250"):
            self.raw.append(envelope.content)
        return answer

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(each, policy=email.policy.default) for each in self.raw]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def smtp_server(port: int | None = None) -> Iterator[Mailbox]:
    mailbox = Mailbox(port or free_port())
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
