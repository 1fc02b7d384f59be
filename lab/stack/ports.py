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
        taken = {port for name, port in self._ports.items() if runs(name)}
        for name, usual in USUAL.items():
            if runs(name):
                continue
            remembered = self._ports.get(name, usual)
            candidates = [remembered, *range(usual, usual + TRIES)]
            port = next((p for p in candidates if p not in taken and is_free(p)), None)
            if port is None:
                raise LabError(f"no free port for {name} in {usual}..{usual + TRIES - 1} on 127.0.0.1")
            self._ports[name] = port
            taken.add(port)
        self._file.write_text(json.dumps(self._ports, indent=2) + "\n")
