"""The correlator's own values on their way to Zabbix, encrypted as configured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tls_server import tls_server

from argus.errors import ConfigError
from argus.zabbix.api import ZabbixError
from argus.zabbix.host_encryption import accepts, fields
from argus.zabbix.trapper import NotTakenError, Trappers, send
from argus.zabbix_encryption import Tls
from argus.zabbix_tls import make_secure
from stack.certificates import Authority

if TYPE_CHECKING:
    from argus_agent.settings import Address

TAKEN = b'{"response":"success","info":"processed: 1; failed: 0"}'
REFUSED = b'{"response":"success","info":"processed: 0; failed: 1"}'
CERT = Tls("cert")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def by_certificate(address: Address, trusted: Authority, own: Authority) -> Trappers:
    certificate, key = own.sign("correlator")
    tls = Tls("cert", ca_file=trusted.certificate, cert_file=certificate, key_file=key)
    return Trappers(((address.host, address.port),), tls, make_secure(tls))


def test_a_value_goes_by_certificate(authority: Authority) -> None:
    with tls_server(authority, TAKEN) as address:
        send(by_certificate(address, authority, authority), "h", "k", "{}", 5)
    with tls_server(authority, REFUSED) as address, pytest.raises(NotTakenError, match="argus zabbix apply"):
        send(by_certificate(address, authority, authority), "h", "k", "{}", 5)


def test_a_server_of_another_authority_gets_nothing_and_the_option_is_named(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    with tls_server(authority, TAKEN) as address, pytest.raises(ZabbixError, match="tls_ca_file must hold"):
        send(by_certificate(address, stranger, authority), "h", "k", "{}", 5)


def test_a_server_that_wants_tls_gets_no_plain_value(authority: Authority) -> None:
    with tls_server(authority, TAKEN) as address, pytest.raises(ZabbixError, match="no Zabbix server takes"):
        send(Trappers(((address.host, address.port),)), "h", "k", "{}", 5)


@pytest.mark.parametrize(("bits", "takes"), [("1", False), ("4", True), ("5", True), ("2", False)])
def test_a_host_takes_what_its_bits_say(bits: str, takes: bool) -> None:
    assert accepts({"tls_accept": bits}, CERT) is takes


def test_a_host_is_given_the_key_by_which_its_values_come(tmp_path: Path) -> None:
    file = tmp_path / "psk"
    file.write_text("00112233445566778899AABBCCDDEEFF\n")
    assert fields(Tls("psk", "argus", file)) == {
        "tls_accept": 2,
        "tls_psk_identity": "argus",
        "tls_psk": "00112233445566778899aabbccddeeff",
    }
    assert fields(CERT) == {"tls_accept": 4}
    with pytest.raises(ConfigError, match="tls_psk_file"):
        fields(Tls("psk", "argus", tmp_path / "none"))
