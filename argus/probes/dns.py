"""DNS: whether every server resolves a name, and to what it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from argus.probes.members import Look, address, ask
from argus.probes.wire import ProbeError, reason

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 53


@dataclass(frozen=True, slots=True)
class Dns:
    """``servers`` are IP[:PORT]; ``name`` is asked for as ``type``; ``expect`` must be in the answer."""

    servers: tuple[str, ...]
    name: str
    type: str = "A"
    expect: tuple[str, ...] = ()
    need: int = 1

    def __post_init__(self) -> None:
        """Check addresses, name and type.  Raises ``ValueError``."""
        for server in self.servers:
            address(server, PORT)
        try:
            dns.message.make_query(self.name, self.type)
        except (dns.exception.DNSException, ValueError) as exc:
            raise ValueError(f"cannot ask for {self.name!r} of type {self.type!r}: {exc}") from None

    def run(self, deadline: Deadline) -> Outcome:
        """Ask every server."""
        return ask("server", self.servers, lambda server: self._look(server, deadline), need=self.need)

    def _look(self, server: str, deadline: Deadline) -> Look:
        host, port = address(server, PORT)
        begin = deadline.elapsed
        query = dns.message.make_query(self.name, self.type)
        try:
            answer, _ = dns.query.udp_with_fallback(query, host, timeout=deadline.left(), port=port)
        except dns.exception.Timeout:
            raise ProbeError(f"no answer within {deadline.seconds:g} s") from None
        except (OSError, dns.exception.DNSException, ValueError) as exc:
            raise ProbeError(reason(exc)) from None
        found = judge(answer, self.name, self.expect)
        return Look(found.state, found.message, deadline.elapsed - begin)


def judge(answer: dns.message.Message, name: str, expect: tuple[str, ...]) -> Look:
    """Judge an answer.  Raises ``ProbeError`` for what a client could not use."""
    if answer.rcode() != dns.rcode.NOERROR:
        raise ProbeError(f"{name}: {dns.rcode.to_text(answer.rcode())}")
    values = {str(item).rstrip(".") for group in answer.answer for item in group}
    if not values:
        raise ProbeError(f"{name}: an answer without records")
    if lacking := [each for each in expect if each.rstrip(".") not in values]:
        raise ProbeError(f"{name}: {', '.join(lacking)} is not among {', '.join(sorted(values))}")
    return Look()
