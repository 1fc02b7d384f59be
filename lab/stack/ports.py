"""Ports on 127.0.0.1: the usual one or the next free one, remembered; so two clones live side by side."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from stack.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

USUAL = {
    "postgres": 5432,
    "zabbix-server": 10051,
    "zabbix-web": 8080,
    "redis": 6379,
    "smtp-sink": 2525,
    "agent": 9752,
    "exporter": 9753,
    "agent-node2": 9754,
    "zabbix7-server": 10151,
    "zabbix7-web": 8097,
    "zabbix-proxy-a": 10161,
    "zabbix-proxy-b": 10162,
    "mariadb": 13306,
    "epmd": 14369,
    "rabbitmq": 15673,
    "rabbitmq:management": 15674,
    "rabbitmq:prometheus": 15692,
    "rabbitmq:distribution": 25673,
    "memcached": 11311,
    "horizon": 18443,
    **{
        f"galera-{n}{what}": base + n
        for n in (1, 2, 3)
        for what, base in (("", 13310), (":group", 14560), (":ist", 14570), (":sst", 14440))
    },
    **{
        f"rabbit-{n}{what}": base + n
        for n in (1, 2, 3)
        for what, base in (
            (":management", 15680),
            (":prometheus", 15710),
            (":distribution", 25680),
            ("", 15700),
        )
    },
    "haproxy": 18404,
    "keystone": 15000,
    "placement-1": 18778,
    "placement-2": 18788,
    "nova-api": 18774,
    "glance-api": 19292,
    "neutron-server": 19696,
    "cinder-api": 18776,
    "heat-api": 18004,
    "swift-proxy": 18081,
    "swift-account": 16202,
    "swift-container": 16201,
    "swift-object": 16200,
    "haproxy:keystone": 25000,
    "haproxy:placement": 28778,
    "haproxy:nova-api": 28774,
    "haproxy:glance-api": 29292,
    "haproxy:neutron-server": 29696,
    "haproxy:cinder-api": 28776,
    "haproxy:heat-api": 28004,
    "haproxy:swift-proxy": 28080,
}
TRIES = 200


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


class Ports:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else dict(USUAL)

    def __getitem__(self, name: str) -> int:
        return self._ports[name]

    def choose(self, runs: Callable[[str], object]) -> None:
        """Settle a port for every component that does not run now, and remember all."""
        running = {
            name for name in USUAL if runs(name.partition(":")[0])
        }  # "rabbitmq:management": its process
        taken = {port for name, port in self._ports.items() if name in running}
        for name, usual in USUAL.items():
            if name in running and name in self._ports:
                continue
            remembered = self._ports.get(name, usual)
            candidates = [remembered, *range(usual, usual + TRIES)]
            port = next((p for p in candidates if p not in taken and is_free(p)), None)
            if port is None:
                raise LabError(f"no free port for {name} in {usual}..{usual + TRIES - 1} on 127.0.0.1")
            self._ports[name] = port
            taken.add(port)
        self._file.write_text(json.dumps(self._ports, indent=2) + "\n")
