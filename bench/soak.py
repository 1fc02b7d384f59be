"""Whether the agent stays small: the real daemon on real guests for minutes, its RSS over time.

`.venv/bin/python bench/soak.py --minutes 10`, with the lab up.  One cycle a second and a scrape every two,
which is hours of usual work; Zabbix does not answer, so that the spool fills to its bound and stays there.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from stack.lab import Lab
from stack.registry import NODE1

if TYPE_CHECKING:
    from stack.components.libvirtd import Libvirtd

WARM_UP_SECONDS = 180.0
"""Python's full search for garbage, which comes every hundred cycles, was made once by then."""
ALLOWED_GROWTH = 0.02  # of the RSS after the warm-up: page-sized noise, not a leak
CONFIG = """
[DEFAULT]
host = soak
interval = 1
rundir = {run}
[libvirt]
uri = {uri}
[zabbix]
servers = 127.0.0.1:{dead}
spool_file =
spool_values = 200
[prometheus]
listen = 127.0.0.1:{port}
"""


def main() -> int:
    """Run and print; return 1 when the RSS grew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        sizes = _soak(Path(folder), Lab.open(), NODE1, minutes * 60)
    warm = [size for at, size in sizes if at >= WARM_UP_SECONDS]
    grown = (warm[-1] - warm[0]) / warm[0]
    print(f"RSS {warm[0]} kB after {WARM_UP_SECONDS:g} s, {warm[-1]} kB at the end: {grown:+.1%}")
    return int(grown > ALLOWED_GROWTH)


def _soak(folder: Path, lab: Lab, node: Libvirtd, seconds: float) -> list[tuple[float, int]]:
    """Return seconds since the start and RSS in kB, every ten seconds."""
    port, dead = _free_port(), _free_port()
    config = folder / "agent.conf"
    config.write_text(CONFIG.format(run=node.folder(lab) / "run", uri=node.uri(lab), dead=dead, port=port))
    command = [str(Path(sys.executable).parent / "argus-agent"), "--config-file", str(config)]
    agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    sizes = []
    begin = last = time.monotonic()
    try:
        while time.monotonic() - begin < seconds:
            time.sleep(2)
            _scrape(port)
            if time.monotonic() - last >= 10:
                last = time.monotonic()
                sizes.append((last - begin, _rss(agent.pid)))
                print(f"{sizes[-1][0]:6.0f} s  {sizes[-1][1]:7d} kB", flush=True)
    finally:
        agent.terminate()
        agent.wait(30)
    return sizes


def _scrape(port: int) -> None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            answer.read()
    except urllib.error.URLError as error:
        print(f"  no scrape: {error.reason}")


def _rss(pid: int) -> int:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0])


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
