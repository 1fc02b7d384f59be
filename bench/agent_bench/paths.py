"""Where the agent's benches keep what they start, and the stand-in for a Zabbix server that they share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stack.lab import TOP
from stack.ports import is_free

if TYPE_CHECKING:
    from stack.lab import Lab

RUN = TOP / "bench/run"
ACCEPTOR_PORTS = range(19790, 19800)


def start_acceptor(lab: Lab) -> str:
    """Start what takes every value at once; return its address."""
    port = next(port for port in ACCEPTOR_PORTS if is_free(port))
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-m", "agent_bench.acceptor", str(port)]
    lab.processes.start("bench-acceptor", argv, env=path)
    return f"127.0.0.1:{port}"
