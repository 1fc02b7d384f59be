"""Two clones of the lab find ports of their own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from stack.ports import USUAL, Ports

if TYPE_CHECKING:
    from pathlib import Path


def nothing_runs(_name: str) -> bool:
    return False


def test_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    ports.choose(nothing_runs)
    before = ports["exporter"]
    with socket.create_server(("127.0.0.1", before)):
        ports.choose(nothing_runs)
    assert ports["exporter"] > before


def test_ports_are_remembered_and_all_different(tmp_path: Path) -> None:
    Ports(tmp_path / "ports.json").choose(nothing_runs)
    again = Ports(tmp_path / "ports.json")
    assert len({again[name] for name in USUAL}) == len(USUAL)


def test_the_port_of_a_running_component_stays(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    ports.choose(nothing_runs)
    before = ports["redis"]
    with socket.create_server(("127.0.0.1", before)):
        ports.choose(lambda name: name == "redis")
    assert ports["redis"] == before
