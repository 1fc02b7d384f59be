"""The storm of bench/correlator.py given to Prometheus' Alertmanager: `bench/alertmanager.py [GUESTS]`.

20,000 guests of 1,334 nodes crash at once.  Prometheus' part is played here: it posts every firing alert, a
thousand at a time, and again each minute.  Three configurations that people run, each with a webhook:
grouped by alert, as Debian's example; by alert and node; and by alert and node where an alert about the node
(most of its guests fail) inhibits its guests'.  Needs Debian's package prometheus-alertmanager.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = ("prometheus-alertmanager", "alertmanager")
GUESTS_EACH = 15
BATCH = 1000
WATCHED = 90.0  # seconds: the group_wait of Debian's example is 30
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CONFIG = """
route: {{receiver: ops, group_by: {group_by}, group_wait: 30s, group_interval: 5m, repeat_interval: 3h}}
receivers: [{{name: ops, webhook_configs: [{{url: "{url}"}}]}}]
inhibit_rules: {inhibit}
"""
INHIBIT = (
    '[{source_matchers: ["alertname=ManyGuestsFail"], '
    'target_matchers: ["alertname=GuestBroken"], equal: [node]}]'
)
SCENES = (
    ("by alert", "[alertname]", "[]", False),
    ("by alert and node", "[alertname, node]", "[]", False),
    ("by alert and node, node inhibits guests", "[alertname, node]", INHIBIT, True),
)


@dataclass
class Pager:
    """What came in: when, in seconds of the monotonic clock, and how many bytes."""

    url: str = ""
    pages: list[tuple[float, int]] = field(default_factory=list)


@contextmanager
def pager() -> Iterator[Pager]:
    """Listen for pages."""
    made = Pager()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.pages.append((time.monotonic(), len(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()


def alerts(guests: int, *, nodes: bool) -> list[dict[str, Any]]:
    """Return what Prometheus would post."""
    now = datetime.now(UTC).isoformat()
    made = []
    for number in range(guests):
        node, name = f"cmp{number // GUESTS_EACH:05}", f"vm-{number}"
        labels = {"alertname": "GuestBroken", "guest": name, "node": node, "project": f"p{number % 50}"}
        made.append(
            {"labels": labels, "annotations": {"summary": f"{name} on {node} crashed"}, "startsAt": now}
        )
    if nodes:
        for number in range((guests - 1) // GUESTS_EACH + 1):
            labels = {"alertname": "ManyGuestsFail", "node": f"cmp{number:05}"}
            made.insert(0, {"labels": labels, "annotations": {}, "startsAt": now})
    return made


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def used(pid: int) -> tuple[float, float]:
    """Return CPU seconds and resident MiB of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICK, int(stat[21]) * PAGE / 2**20


def scene(
    binary: str, name: str, config: str, storm: list[dict[str, Any]], pages: Pager, folder: Path
) -> None:
    """Run one storm and print a line."""
    pages.pages.clear()
    (folder / "config.yml").write_text(config)
    port = free_port()
    words = [
        f"--config.file={folder}/config.yml",
        f"--storage.path={folder}/{port}",
        "--cluster.listen-address=",
    ]
    command = [binary, *words, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command)
    try:
        wait_for(f"http://127.0.0.1:{port}/-/ready")
        start, peak = time.monotonic(), 0.0
        while (past := time.monotonic() - start) < WATCHED:
            for first in range(0, len(storm), BATCH):
                batch = json.dumps(storm[first : first + BATCH])
                url, kind = f"http://127.0.0.1:{port}/api/v2/alerts", {"Content-Type": "application/json"}
                requests.post(url, batch, headers=kind, timeout=60).raise_for_status()
            while time.monotonic() - start < min(WATCHED, past + 60):
                peak = max(peak, used(process.pid)[1])
                time.sleep(0.5)
        cpu, _ = used(process.pid)
    finally:
        process.terminate()
        process.wait(10)
    soonest = f"{min(at for at, _ in pages.pages) - start:.1f} s" if pages.pages else "none"
    size = max((size for _, size in pages.pages), default=0) / 1024
    print(f"{name:42} {len(pages.pages):6} pages  first {soonest:>7}  largest {size:7.0f} KiB  "
          f"cpu {cpu:5.1f} s  {peak:.0f} MiB", flush=True)  # fmt: skip


def wait_for(url: str) -> None:
    """Wait until it answers."""
    for _ in range(300):
        try:
            if requests.get(url, timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


def main() -> None:
    """Run all scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guests", type=int, nargs="?", default=20_000)
    parser.add_argument(
        "--binary", default=next((found for name in BINARIES if (found := shutil.which(name))), "")
    )
    options = parser.parse_args()
    if not options.binary:
        raise SystemExit("apt install prometheus-alertmanager, or give --binary")
    with tempfile.TemporaryDirectory() as folder, pager() as pages:
        for name, group_by, inhibit, nodes in SCENES:
            config = CONFIG.format(group_by=group_by, url=pages.url, inhibit=inhibit)
            scene(options.binary, name, config, alerts(options.guests, nodes=nodes), pages, Path(folder))


if __name__ == "__main__":
    main()
