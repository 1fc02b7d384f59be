"""The agent and a real Zabbix over TLS: by its one key for autoregistration, and by certificates."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest

from argus import config, site
from argus.catalogue import agent, allocation, guest_state, libvirt
from argus.guests import keep_guests
from argus.render.names import GUEST_HOST, SERVICE_HOST, master_key, template_name
from argus.zabbix import fed_hosts, trapper
from argus.zabbix.api import Zabbix
from argus.zabbix.correlator_host import CorrelatorHost
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.trapper import Trappers
from argus.zabbix_encryption import Tls
from argus.zabbix_options import secure
from argus.zabbix_tls import make_secure
from argus_agent.settings import Address
from argus_agent.zabbix_protocol import (
    Value,
    ZabbixError,
    active_checks,
    exchange,
    parse_taken,
    sender_data,
    split_time,
)
from stack.certificates import Authority
from stack.components.zabbix_server import authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.zabbix_tls import Secure
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

IDENTITY = "argus autoregistration"
UNENCRYPTED, PSK, CERTIFICATE = 1, 2, 4  # bits of tls_accept in Zabbix' API


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


@pytest.fixture
def guest(admin: Zabbix) -> Iterator[str]:
    name = f"tls-{secrets.token_hex(4)}"
    yield name
    for row in admin.read("host.get", filter={"host": [name]}, output=["hostid"]):
        admin.call("host.delete", row["hostid"])


@contextlib.contextmanager
def autoregistration_by_psk(admin: Zabbix, key: str) -> Iterator[None]:
    """Zabbix takes new hosts with this key; without encryption still, for the lab's own agents."""
    both = UNENCRYPTED | PSK
    admin.call("autoregistration.update", tls_accept=both, tls_psk_identity=IDENTITY, tls_psk=key)
    try:
        yield
    finally:
        admin.call("autoregistration.update", tls_accept=UNENCRYPTED)


def by_psk(tmp_path: Path, key: str) -> Secure:
    file = tmp_path / "psk"
    file.write_text(key)
    return make_secure(Tls("psk", psk_identity=IDENTITY, psk_file=file))


def by_certificate(lab: Lab, signer: Authority) -> Secure:
    certificate, key = signer.sign("node")
    ca = authority(lab.stack).certificate
    return make_secure(Tls("cert", ca_file=ca, cert_file=certificate, key_file=key))


def ask(lab: Lab, request: dict[str, Any], secure: Secure | None) -> dict[str, Any]:
    return exchange(Address(*lab.zabbix_server), request, 10, secure)


def taken(lab: Lab, guest: str, secure: Secure | None) -> bool:
    value = Value(
        guest, "argus.guest.get", json.dumps({guest_state.STATE.field: 1}), *split_time(time.time())
    )
    return parse_taken(ask(lab, sender_data([value], time.time()), secure)).failed == 0


def test_a_guest_registers_with_the_key_and_takes_no_value_without_it(
    lab: Lab, admin: Zabbix, guest: str, tmp_path: Path
) -> None:
    key = secrets.token_hex(32)
    with autoregistration_by_psk(admin, key):
        secure = by_psk(tmp_path, key)

        def registered() -> bool:
            with contextlib.suppress(ZabbixError):  # the server has not read the key yet
                ask(lab, active_checks(guest, f"argus-guest node=x seq={time.time_ns()}"), secure)
            rows = admin.read("host.get", filter={"host": [guest]}, output=["tls_accept"])
            return [row["tls_accept"] for row in rows] == [str(PSK)]

        lab.wait_until(registered, timeout=40, every=2)
        lab.wait_until(lambda: taken(lab, guest, secure), timeout=30, every=1)
        assert not taken(lab, guest, None)
        refusal = str(ask(lab, active_checks(guest, "argus-guest node=x seq=1"), None).get("info"))
        assert "is not allowed" in refusal, "which the agent logs once"


def test_another_key_is_told_in_one_line(lab: Lab, admin: Zabbix, tmp_path: Path) -> None:
    key = secrets.token_hex(32)
    with autoregistration_by_psk(admin, key):

        def told() -> str:
            try:
                ask(lab, active_checks("x", "none"), by_psk(tmp_path, secrets.token_hex(32)))
            except ZabbixError as error:
                return str(error)
            return ""

        line = lab.wait_until(told, timeout=20, every=1)
    assert "TLS failed" in line
    assert "Autoregistration" in line
    assert "\n" not in line


def test_a_host_made_through_the_api_takes_values_by_certificate(lab: Lab, admin: Zabbix, guest: str) -> None:
    (group,) = admin.read("hostgroup.get", filter={"name": [GUESTS_GROUP]}, output=["groupid"])
    name = {"host": [template_name(GUEST_HOST)]}
    (template,) = admin.read("template.get", filter=name, output=["templateid"])
    admin.call("host.create", host=guest, groups=[group], templates=[template], tls_accept=CERTIFICATE)
    secure = by_certificate(lab, authority(lab.stack))
    lab.wait_until(lambda: taken(lab, guest, secure), timeout=30, every=1)
    assert not taken(lab, guest, None)


def test_what_cannot_register_is_made_by_the_correlator(lab: Lab, admin: Zabbix, guest: str) -> None:
    node = f"node-of-{guest}"
    done = lab.run("argus", "zabbix", "register", node, timeout=120)
    assert (done.returncode, done.stdout) == (0, f"{node}: made\n"), done.stderr
    secure = by_certificate(lab, authority(lab.stack))
    document = {
        libvirt.UP.field: 1,
        allocation.GUESTS.field: 1,
        allocation.GUEST_UUIDS.field: guest,
        agent.CYCLE.field: 0.1,
    }

    def told() -> bool:
        value = Value(node, "argus.node.get", json.dumps(document), *split_time(time.time()))
        return parse_taken(ask(lab, sender_data([value], time.time()), secure)).failed == 0

    def guests_proxy() -> str:
        rows = admin.read("host.get", filter={"host": [guest]}, output=["proxy_hostid", "tls_accept"])
        assert all(row["tls_accept"] == str(CERTIFICATE) for row in rows)
        return ",".join(row["proxy_hostid"] for row in rows)

    correlator = site.from_config(config.load(lab.env["ARGUS_CONFIG"]))
    try:
        # by the job itself, whose lease keeps the lab's own worker from making the same host beside it
        lab.wait_until(lambda: told() and keep_guests(correlator) and guests_proxy() == "0", 60, every=1)
        lab.wait_until(lambda: taken(lab, guest, secure), timeout=30, every=1)
        assert not taken(lab, guest, None)
        (proxy,) = admin.call("proxy.create", host=f"proxy-of-{guest}", status=5)["proxyids"]
        assert told()
        (row,) = admin.read("host.get", filter={"host": [node]}, output=["hostid"])
        admin.call("host.update", hostid=row["hostid"], proxy_hostid=proxy)
        lab.wait_until(lambda: keep_guests(correlator) and guests_proxy() == proxy, timeout=15, every=1)
        again = lab.run("argus", "zabbix", "register", node, timeout=120)
        assert again.stdout == f"{node}: was there already\n"
    finally:
        correlator.store.engine.dispose()
        for row in admin.read("host.get", filter={"host": [node, guest]}, output=["hostid"]):
            admin.call("host.delete", row["hostid"])
        for row in admin.read("proxy.get", filter={"host": [f"proxy-of-{guest}"]}, output=["proxyid"]):
            admin.call("proxy.delete", row["proxyid"])


def test_a_certificate_of_another_authority_is_refused(lab: Lab, tmp_path: Path) -> None:
    stranger = by_certificate(lab, Authority.make(tmp_path / "stranger"))
    with pytest.raises(ZabbixError, match="TLS failed"):
        ask(lab, active_checks("x", "none"), stranger)


def test_what_the_correlator_feeds_takes_values_as_they_are_sent(lab: Lab, admin: Zabbix) -> None:
    signer = authority(lab.stack)
    certificate, key = signer.sign("correlator")
    tls = Tls("cert", ca_file=signer.certificate, cert_file=certificate, key_file=key)
    plain, encrypted = (Trappers((lab.zabbix_server,), each, secure(each)) for each in (Tls(), tls))
    fed = fed_hosts.Fed(SERVICE_HOST, f"lab/tls/{secrets.token_hex(4)}", (), {})

    def took(by: Trappers) -> bool:
        try:
            trapper.send(by, fed.host, master_key(SERVICE_HOST), "{}", 10)
        except trapper.NotTakenError:
            return False
        return True

    try:
        assert fed_hosts.make(admin, [fed], Tls()) == 1
        lab.wait_until(lambda: took(plain), timeout=30, every=1)
        assert fed_hosts.make(admin, [fed], tls) == 1, "it is told to take what comes by certificate"
        lab.wait_until(lambda: took(encrypted) and not took(plain), timeout=30, every=1)
        assert fed_hosts.make(admin, [fed], tls) == 0
        (change,) = CorrelatorHost(tls).plan(admin)
        assert change.details == ("takes nothing that comes by [zabbix] tls_connect = cert",)
    finally:
        for row in admin.read("host.get", filter={"host": [fed.host]}, output=["hostid"]):
            admin.call("host.delete", row["hostid"])
