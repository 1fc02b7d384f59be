"""TLS to Zabbix: what is refused before anything is sent, and what a failed handshake tells a person."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from tls_server import tls_server

from argus.errors import ConfigError
from argus.zabbix_encryption import Tls
from argus.zabbix_tls import PSK_CIPHERS, make_secure, read_psk
from argus_agent.config import load
from argus_agent.settings import Address
from argus_agent.zabbix_protocol import ZabbixError, exchange
from stack.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "00112233445566778899aabbccddeeff"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def by_certificate(trusted: Authority, own: Authority) -> Tls:
    certificate, key = own.sign("node")
    return Tls("cert", ca_file=trusted.certificate, cert_file=certificate, key_file=key)


@pytest.mark.slow
def test_certificates_of_one_authority_let_both_talk(authority: Authority) -> None:
    with tls_server(authority) as address:
        reply = exchange(address, {"request": "x"}, 5, make_secure(by_certificate(authority, authority)))
    assert reply == {"response": "success"}


@pytest.mark.slow
def test_a_server_of_another_authority_is_refused_and_the_option_named(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    with tls_server(authority) as address, pytest.raises(ZabbixError, match="tls_ca_file must hold"):
        exchange(address, {"request": "x"}, 5, make_secure(by_certificate(stranger, authority)))


@contextmanager
def psk_server(identity: str, key: str) -> Iterator[Address]:
    """OpenSSL's own server, which knows one identity and key; answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address(*free.getsockname()[:2])
    words = ("s_server", "-accept", str(address), "-nocert", "-tls1_2", "-cipher", PSK_CIPHERS)
    process = subprocess.Popen(
        ["openssl", *words, "-psk_identity", identity, "-psk", key, "-naccept", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout
        assert any(b"ACCEPT" in line for line in process.stdout)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=10)


def psk(tmp_path: Path, key: str = KEY, identity: str = "argus") -> Tls:
    file = tmp_path / "psk"
    file.write_text(key + "\n")
    return Tls("psk", psk_identity=identity, psk_file=file)


def test_the_same_key_on_both_sides_encrypts(tmp_path: Path) -> None:
    secure = make_secure(psk(tmp_path))
    with psk_server("argus", KEY) as address:
        plain = socket.create_connection((address.host, address.port), 5)
        with closing(secure(plain)) as sock:
            assert isinstance(sock, ssl.SSLSocket)
            assert "PSK" in (sock.cipher() or ("",))[0]


def test_another_key_is_told_without_the_key(tmp_path: Path) -> None:
    secure = make_secure(psk(tmp_path, KEY[::-1]))
    with psk_server("argus", KEY) as address, pytest.raises(ZabbixError, match="Autoregistration") as caught:
        exchange(address, {"request": "x"}, 5, secure)
    assert KEY[::-1] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "found 0"),
        ("00ff", "found 4"),
        ("x" * 32, "hexadecimal"),
        ("a" * 33, "even number"),
        ("ü", "hexadecimal"),
    ],
)
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "psk"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_psk(file)
    assert not text or text not in str(caught.value).removeprefix(f"[zabbix] tls_psk_file = {file}")


def test_a_certificate_that_cannot_be_read_is_named(authority: Authority, tmp_path: Path) -> None:
    good = by_certificate(authority, authority)
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    for tls, option in (
        (Tls("cert", ca_file=tmp_path / "none", cert_file=good.cert_file, key_file=good.key_file), "ca_file"),
        (Tls("cert", ca_file=broken, cert_file=good.cert_file, key_file=good.key_file), "ca_file"),
        (Tls("cert", ca_file=good.ca_file, cert_file=broken, key_file=good.key_file), "cert_file"),
    ):
        with pytest.raises(ConfigError, match=rf"\[zabbix\] tls_{option} = "):
            make_secure(tls)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("tls_connect = psk", "needs tls_psk_identity and tls_psk_file"),
        ("tls_connect = cert\ntls_ca_file = /ca", "needs tls_cert_file and tls_key_file"),
        ("tls_connect = perhaps", "perhaps"),
        ("guests = some", "some"),
    ],
)
def test_options_that_belong_together_are_asked_for(tmp_path: Path, lines: str, complaint: str) -> None:
    file = tmp_path / "agent.conf"
    file.write_text(f"[zabbix]\n{lines}\n")
    with pytest.raises(ConfigError, match=complaint):
        load(file)
