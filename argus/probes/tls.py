"""TLS: until when the certificate is valid, and whether clients accept it."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from argus.probes.members import Look, address, ask
from argus.probes.outcome import State
from argus.probes.wire import ProbeError, connect, reason

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 443
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Tls:
    """``hosts`` are HOST[:PORT]; ``warn_days`` before its end a certificate makes the service degraded.

    ``server_name`` is what clients call the server, where it is not the host; ``ca_file`` signs it where the
    system's authorities do not.
    """

    hosts: tuple[str, ...]
    warn_days: float = 21.0
    server_name: str = ""
    ca_file: str = ""
    need: int = 1

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Shake hands with every host."""
        return ask("tls", self.hosts, lambda host: self._look(host, deadline), need=self.need)

    def _look(self, host: str, deadline: Deadline) -> Look:
        name, port = address(host, PORT)
        begin = deadline.elapsed
        any_certificate = ssl.create_default_context()
        any_certificate.check_hostname = False  # to read a certificate that clients refuse; see _refused
        any_certificate.verify_mode = ssl.CERT_NONE
        der = _certificate(name, port, self.server_name or name, any_certificate, deadline)
        took = deadline.elapsed - begin
        ends = x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
        found = judge(ends - time.time(), self._refused(name, port, deadline), self.warn_days)
        return Look(found.state, found.message, took, figures=found.figures)

    def _refused(self, name: str, port: int, deadline: Deadline) -> str:
        """Say why a client would not accept the certificate; empty if it does."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as exc:
            return f"ca_file {self.ca_file} cannot be read: {reason(exc)}"
        try:
            _certificate(name, port, self.server_name or name, context, deadline)
        except _RefusedError as exc:
            return str(exc)
        return ""


class _RefusedError(Exception):
    """The certificate is not accepted."""


def _certificate(host: str, port: int, name: str, context: ssl.SSLContext, deadline: Deadline) -> bytes:
    with connect(host, port, deadline) as connection:
        try:
            connection.settimeout(deadline.left())
            with context.wrap_socket(connection, server_hostname=name) as wrapped:
                return wrapped.getpeercert(binary_form=True) or b""
        except ssl.SSLCertVerificationError as exc:
            raise _RefusedError(exc.verify_message) from None
        except (OSError, socket.gaierror) as exc:
            raise ProbeError(f"no TLS: {reason(exc)}") from None


def judge(left: float, refused: str, warn_days: float) -> Look:
    """Judge a certificate that ends in ``left`` seconds; ``refused`` says why clients do not accept it."""
    figures = {"certificate_seconds": left}
    if left <= 0:
        return Look(State.DOWN, f"the certificate ended {-left / DAY:.0f} days ago", figures=figures)
    if refused:
        return Look(State.DOWN, f"clients refuse the certificate: {refused}", figures=figures)
    if left < warn_days * DAY:
        return Look(State.DEGRADED, f"the certificate ends in {left / DAY:.1f} days", figures=figures)
    return Look(State.UP, figures=figures)
