"""A link that goes is told by a real daemon and becomes a problem in a real Zabbix.

The kernel's carrier of a veth pair, whose other end goes down, stands for the cable.  veth has no hardware
behind it, so that the agent would pass over it: a sysfs made of links to the real one gives it the ``device``
that says so.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

CONFIG = """
[DEFAULT]
host = {host}
interval = 1
sysfs = {sysfs}
rundir = {folder}
[libvirt]
uri = test:///default
[zabbix]
servers = {zabbix}
spool_file = {folder}/spool
[prometheus]
listen =
"""
PROBLEM, WELL = "1", "0"


@dataclass(frozen=True, slots=True)
class Cable:
    """Two ends of a veth pair."""

    here: str
    there: str

    def there_is(self, state: str) -> None:
        """Set the other end ``up`` or ``down``."""
        subprocess.run(["ip", "link", "set", self.there, state], check=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    name = f"argus{secrets.token_hex(3)}"
    pair = Cable(f"{name}a", f"{name}b")
    subprocess.run(["ip", "link", "add", pair.here, "type", "veth", "peer", "name", pair.there], check=True)
    try:
        subprocess.run(["ip", "link", "set", pair.here, "up"], check=True)
        pair.there_is("up")
        yield pair
    finally:
        subprocess.run(["ip", "link", "delete", pair.here], check=True)


def sysfs_with(cable: Cable, folder: Path) -> Path:
    """A sysfs that shows the end here as the uplink, and everything else as it is."""
    nic = folder / "class/net/uplink"
    (nic / "device").mkdir(parents=True)
    for real in Path("/sys").iterdir():
        if real.name != "class":
            (folder / real.name).symlink_to(real)
    for file in ("carrier", "speed", "statistics"):
        (nic / file).symlink_to(f"/sys/class/net/{cable.here}/{file}")
    return folder


@contextmanager
def daemon(lab: Lab, host: str, sysfs: Path, folder: Path) -> Iterator[None]:
    config = folder / "agent.conf"
    zabbix = "{}:{}".format(*lab.zabbix_server)
    config.write_text(CONFIG.format(host=host, sysfs=sysfs, folder=folder, zabbix=zabbix))
    command = [str(Path(sys.executable).parent / "argus-agent"), "--config-file", str(config)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_link_that_goes_is_a_problem_until_it_is_back(lab: Lab, cable: Cable, tmp_path: Path) -> None:
    host = f"link-{secrets.token_hex(3)}"
    sysfs = sysfs_with(cable, tmp_path / "sys")
    with lab.zabbix() as api:

        def value() -> str | None:
            rows = api.trigger.get(host=host, output=["value"], selectTags="extend")
            tag = {"tag": "argus", "value": "node_link_lost"}
            return next((row["value"] for row in rows if tag in row["tags"]), None)

        def told() -> str | None:
            items = api.item.get(
                host=host, filter={"key_": "argus.node.nic.link[uplink]"}, output=["lastvalue", "lastclock"]
            )
            return items[0]["lastvalue"] if items and items[0]["lastclock"] != "0" else None

        try:
            with daemon(lab, host, sysfs, tmp_path):
                lab.wait_until(lambda: told() == "1", 90)
                assert value() == WELL
                cable.there_is("down")
                lab.wait_until(lambda: value() == PROBLEM, 30)
                assert told() == "0"
                cable.there_is("up")
                lab.wait_until(lambda: value() == WELL, 30)
        finally:
            for row in api.host.get(filter={"host": host}, output=["hostid"]):
                api.host.delete(row["hostid"])
