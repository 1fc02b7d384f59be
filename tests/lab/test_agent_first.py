"""An agent that starts before libvirtd and Zabbix says so once, and recovers by itself."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stack.registry import NODE2
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

CONFIG = """
[DEFAULT]
host = early-bird
interval = 1
rundir = {run}
[libvirt]
uri = {uri}
timeout = 2
[zabbix]
servers = 127.0.0.1:{zabbix}
spool_file = {folder}/spool
[prometheus]
listen = 127.0.0.1:{metrics}
"""


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _value(port: int, name: str) -> float | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return None
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return next((sample.value for sample in samples if sample.name == name), None)


def test_it_starts_first_says_so_once_and_recovers(lab: Lab, tmp_path: Path) -> None:
    port, config, log = _free_port(), tmp_path / "agent.conf", tmp_path / "log"
    run = NODE2.folder(lab.stack) / "run"
    text = CONFIG.format(
        run=run, uri=NODE2.uri(lab.stack), zabbix=_free_port(), folder=tmp_path, metrics=port
    )
    config.write_text(text)
    command = [str(Path(sys.executable).parent / "argus-agent"), "--config-file", str(config)]
    with log.open("wb") as out:
        agent = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        lab.wait_until(lambda: (_value(port, "argus_agent_spool_values") or 0) >= 3, 60)
        assert _value(port, "argus_node_libvirt_up") == 0
        NODE2.start(lab.stack)
        lab.wait_until(lambda: _value(port, "argus_node_libvirt_up") == 1, 60)
        said = log.read_text()  # before libvirtd goes again
    finally:
        NODE2.stop(lab.stack)
        agent.terminate()
        agent.wait(20)
    assert said.count("libvirtd: Failed to connect") == 1, said
    assert said.count("Zabbix does not answer") == 1, said
    assert "libvirtd: answers again" in said
    assert agent.returncode == 0
