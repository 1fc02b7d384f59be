"""A server that speaks Zabbix' protocol over TLS, once, with who has a certificate of an authority."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from argus_agent.settings import Address
from argus_agent.zabbix_protocol import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.certificates import Authority


@contextmanager
def tls_server(authority: Authority, answer: bytes = b'{"response":"success"}') -> Iterator[Address]:
    """Answer one request; ``answer`` is JSON."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("server"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            plain, _ = listener.accept()
            with closing(plain):
                try:
                    with context.wrap_socket(plain, server_side=True) as sock, sock.makefile("rb") as stream:
                        unpack(stream.read)
                        sock.sendall(pack(answer))
                except OSError:  # the client refused us or was refused: its test looks at its own side
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address(*listener.getsockname()[:2])
        thread.join(5)
