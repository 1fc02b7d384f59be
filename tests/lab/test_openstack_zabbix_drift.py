"""Nova, Placement and libvirt, all three real; libvirt's side comes from an agent through Zabbix."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import allocation, node_pressure
from argus.zabbix.api import Zabbix
from stack.components.openstack.config import ADMIN, MONITOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stack.components.openstack.cloud import Cloud
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.openstack

COMPUTE = "cmp1"  # what the agent calls the lab's node here, so that its guests are on a compute of Nova's
PSI = node_pressure.STALLED["cpu", "some"]


@contextmanager
def agent_of_a_compute(lab: Lab, folder: Path) -> Iterator[None]:
    """An agent beside the lab's own, for the same libvirt; it sends no guests, which are the other's."""
    text = Path(lab.env["ARGUS_AGENT_CONFIG"]).read_text()
    for option, value in (
        ("host", COMPUTE),
        ("spool_file", f"{folder}/spool"),
        ("listen", ""),
        ("servers", lab.env["ZABBIX_SERVER"] + "\nguests = off"),
    ):
        text = re.sub(rf"^{option} = .*$", f"{option} = {value}", text, count=1, flags=re.MULTILINE)
    config = folder / "agent.conf"
    config.write_text(text)
    command = [str(Path(sys.executable).parent / "argus-agent"), "--config-file", str(config)]
    with (folder / "agent.log").open("w") as log, subprocess.Popen(command, stderr=log) as agent:
        try:
            yield
        finally:
            agent.terminate()
            agent.wait(20)


@contextmanager
def host_in_zabbix(lab: Lab) -> Iterator[Callable[[str], str | None]]:
    """Look at the newest values of the compute's host; it is deleted afterwards."""
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:

        def newest(key: str) -> str | None:
            rows = zabbix.read(
                "item.get", host=COMPUTE, filter={"key_": key}, output=["lastvalue", "lastclock"]
            )
            return next((row["lastvalue"] for row in rows if row["lastclock"] != "0"), None)

        try:
            yield newest
        finally:
            for row in zabbix.read("host.get", filter={"host": [COMPUTE]}, output=["hostid"]):
                zabbix.call("host.delete", row["hostid"])


def argus(lab: Lab, cloud: Cloud, folder: Path, *words: str) -> Any:
    """Ask as a person would, with the lab's configuration and this cloud in it."""
    config = folder / "argus.conf"
    section = f"\n[openstack]\nclouds = {MONITOR}\nclouds_file = {cloud.clouds_yaml}\ntimeout = 60\n"
    config.write_text(Path(lab.env["ARGUS_CONFIG"]).read_text() + section)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "argus"), "capacity", *words, "--format", "json"],
        env={**lab.env, "ARGUS_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


def test_three_sides_are_compared_and_a_domain_that_nova_knows_is_no_drift(
    lab: Lab, cloud: Cloud, tmp_path: Path
) -> None:
    def drift() -> set[tuple[str, str]]:
        rows = argus(lab, cloud, tmp_path, "--drift")
        return {(each["kind"], each["subject"]) for each in rows if each["host"] == COMPUTE}

    with cloud.connect(ADMIN) as connection, lab.libvirt() as node, host_in_zabbix(lab) as newest:
        servers = connection.compute.servers(all_projects=True)
        nova = {each.id for each in servers if each.compute_host == COMPUTE}
        domains = {each.UUIDString(): each for each in node.listAllDomains()}
        assert nova, "the lab's control plane has guests on each compute"
        with agent_of_a_compute(lab, tmp_path):

            def told() -> set[str]:
                return set((newest(allocation.GUEST_UUIDS.zabbix_key) or "").split())

            lab.wait_until(lambda: told() >= domains.keys() and newest(PSI.zabbix_key), timeout=120, every=2)
            found = drift()
            assert {uuid for kind, uuid in found if kind == "unknown_domain"} >= domains.keys()
            assert {uuid for kind, uuid in found if kind == "missing_domain"} == nova

            (pain,) = [r for r in argus(lab, cloud, tmp_path, "--by", "host") if r["scope"] == COMPUTE]
            assert pain["hosts_that_tell"] == 1
            assert 0 <= pain["cpu_stall"] <= 1.05

            known = min(nova)
            first = next(iter(domains.values()))
            xml = re.sub(r"<uuid>.*?</uuid>", f"<uuid>{known}</uuid>", first.XMLDesc())
            twin = node.defineXML(re.sub(r"<name>.*?</name>", "<name>argus-drift</name>", xml, count=1))
            try:
                lab.wait_until(lambda: known in told(), timeout=60, every=2)
                after = drift()
                assert ("missing_domain", known) not in after
                assert ("unknown_domain", known) not in after
            finally:
                twin.undefine()
