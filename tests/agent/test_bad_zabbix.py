"""The real daemon beside a Zabbix that takes connections and then behaves badly: it goes on, stays small."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from argus_agent.settings import Address

COMMAND = [sys.executable, "-c", "import sys; from argus_agent.cli import main; sys.exit(main())"]
GIB = 2**30


def silence(client: socket.socket) -> None:
    client.recv(1)  # and never answer; the client hangs up


def garbage(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\xff\xfe")


def claims_two_gib(client: socket.socket) -> None:
    client.sendall(b"ZBXD" + struct.pack("<BII", 1, 2 * GIB - 1, 0))
    for _ in range(2 * GIB // 2**20):
        client.sendall(b"{" * 2**20)


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[Address]:
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = listening.accept()
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client, suppress(OSError):  # the daemon hung up
            behave(client)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield Address(*listening.getsockname()[:2])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def scraped(port: int) -> dict[str, float]:
    """Values of the agent about itself; none while nothing can be scraped."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            text = str(reply.read(), "utf-8")
    except OSError:
        return {}
    return {
        name: float(value) for name, value in re.findall(r"^(argus_agent_\w+) (\S+)$", text, re.MULTILINE)
    }


@pytest.mark.slow
@pytest.mark.parametrize("behave", [silence, garbage, claims_two_gib])
def test_a_zabbix_that_behaves_badly_costs_neither_values_nor_memory(
    behave: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = tmp_path / "agent.conf"
    with server(behave) as address:
        conf.write_text(
            f"[DEFAULT]\nhost = node-1\ninterval = 1\nrundir = {tmp_path}\n[libvirt]\nuri = test:///default\n"
            f"[zabbix]\nservers = {address}\ntimeout = 1\nspool_file =\n"
            f"[prometheus]\nlisten = 127.0.0.1:{port}\n"
        )
        process = subprocess.Popen([*COMMAND, "--config-file", str(conf)], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            seen: dict[str, float] = {}
            while seen.get("argus_agent_send_errors_total", 0) < 2 or seen["argus_agent_spool_values"] < 6:
                assert time.monotonic() < deadline, seen
                assert process.poll() is None
                time.sleep(0.1)
                seen = scraped(port)
            assert seen["argus_agent_sent_values_total"] == seen["argus_agent_dropped_values_total"] == 0
            assert seen["argus_agent_rss_bytes"] < 60e6
        finally:
            process.kill()
            process.wait(10)
