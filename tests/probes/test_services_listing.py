"""The table of services on a terminal: what is wrong can be read on 80 columns, and Ctrl-C is no mishap."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from argus.services_listing import page
from argus.store import snapshots

if TYPE_CHECKING:
    from argus.store.engine import Store

NOW = 1_800_000_000.0
ARGUS = Path(sys.executable).parent / "argus"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SILENT = "neutron-openvswitch-agent"


def service(name: str, state: str, region: str = "RegionOne", **more: Any) -> dict[str, Any]:
    known = {"cloud": "production", "region": region, "name": name, "kind": name, "state": state}
    absent = {"message": "", "latency": 0.034, "version": "2.96", "figures": {}, "spent": None, "burn": None}
    return {**known, **absent, "since": NOW - 3700, "parts": [], **more}


ROUND: dict[str, Any] = {
    "at": NOW,
    "seconds": 0.6,
    "services": [
        service("database", "up", version="10.11.14-MariaDB-0+deb12u2"),
        service(
            "neutron",
            "degraded",
            message=f"{SILENT}@compute-17 down (does not report)",
            parts=[[SILENT, "compute-17", "down", "does not report", NOW - 70, ""]],
        ),
        service("nova", "not permitted", region="RegionTwo", message="403 from https://nova.example.org"),
    ],
}


def shown(width: int) -> str:
    console = Console(width=width, highlight=False)
    with console.capture() as said:
        console.print(page(ROUND, NOW, width, everything=False))
    return said.get()


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_all_that_is_wrong_can_be_read_whatever_the_width(width: int) -> None:
    text = shown(width)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert "…" not in text
    words = " ".join(text.split())
    assert f"{SILENT}@compute-17: does not" in words
    assert "not permitted" in words
    assert "https://nova.example.org" in words
    assert "production/RegionOne" in text
    assert "production/RegionTwo" in text


def test_a_narrow_page_names_a_region_once_and_a_wide_one_in_each_row() -> None:
    assert shown(80).count("production/RegionOne") == 1
    assert shown(200).count("production/RegionOne") == 2
    assert "10.11.14" not in shown(80)
    assert "10.11.14 " in shown(100), "without what a distribution adds"


@pytest.fixture
def config(store: Store, tmp_path: Path) -> Path:
    with store.write() as session:
        snapshots.put(session, "services", {**ROUND, "at": time.time()}, time.time())
    url, file = tmp_path / "url", tmp_path / "argus.conf"
    url.write_text(f"sqlite:///{tmp_path}/argus.db\n")
    file.write_text(f"[database]\nurl_file = {url}\n")
    return file


@pytest.mark.slow
def test_watch_shows_colours_on_a_terminal_until_it_is_interrupted(config: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    env = {**os.environ, "ARGUS_CONFIG": str(config), "TERM": "xterm-256color"}
    watch = subprocess.Popen(
        [ARGUS, "services", "--watch"], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    try:
        said = until(ours, lambda text: text.count("probed") >= 2)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(20) == 130
        said += rest(ours)
    finally:
        watch.kill()
        watch.wait(10)
        os.close(ours)
    assert "\x1b[33mdegraded" in said
    assert "Traceback" not in said
    assert all(len(line) <= 80 for line in ESCAPE.sub("", said).replace("\r", "\n").splitlines())


def until(terminal: int, true: Any) -> str:
    """What was written until it is true of it; fails after 30 s."""
    said, end = "", time.monotonic() + 30
    while not true(said):
        left = end - time.monotonic()
        assert select.select([terminal], [], [], max(0.0, left))[0], f"it says only {said!r}"
        said += os.read(terminal, 65536).decode()
    return said


def rest(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode()
    except OSError:  # EIO: nobody has the other end any more
        return ""


def test_in_a_pipe_there_are_no_colours_and_a_row_is_a_line(config: Path) -> None:
    env = {**os.environ, "ARGUS_CONFIG": str(config)}
    done = subprocess.run(
        [ARGUS, "services"], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "neutron " in line]
    assert row.startswith("production/RegionOne")
    assert row.endswith("down (does not report)")
