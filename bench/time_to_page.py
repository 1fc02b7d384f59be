"""From the crash of a guest to the mail about it, in the running lab, and where each second goes.

    LAB_AGENT_INTERVAL=15 ./lab/up
    .venv/bin/python bench/time_to_page.py --tries 20

QEMU of a guest is killed, at any moment of the agent's interval.  Zabbix' and Argus' databases are asked
every 50 ms what they hold; the mail's time is that of its file.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent / "lab"))

import libvirt

from stack.components.argus_setup import argus_config
from stack.components.correlator import WORKER
from stack.components.guest_xml import GUESTS
from stack.components.postgres import connect
from stack.lab import Lab
from stack.registry import AGENT1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

EVERY = 0.05  # seconds between two looks
LIMIT = 60.0  # seconds for a step
OVER = 900.0  # seconds until what the guest had before is over
SETTLE = 20  # seconds until a worker that was started anew is at its pace
PROBLEM = "select 1 from problem where clock >= %s and name like %s limit 1"
FOUND = "select 1 from incidents where rule = 'guest_is_broken' and subject = %s and phase <> 'resolved'"
MEASURED = "select max(clock + ns / 1e9) from problem where clock >= %s and name like %s"
STEPS = ("measured", "zabbix", "found", "queued", "mail")


@dataclass(frozen=True)
class Try:
    """Seconds after the crash."""

    guest: str
    measured: float  # the agent has looked, by the clock of its value
    zabbix: float  # Zabbix lists the problem
    found: float  # a cycle has read it
    queued: float  # the incident is open, its message written
    mail: float  # the mail server has it


def main() -> int:
    """Measure and print a table for docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=20)
    tries = parser.parse_args().tries
    lab = Lab.open()
    uri = AGENT1.node.uri(lab)
    done = []
    with without_flapping(lab):
        for number in range(tries):
            each = measure(lab, uri, number)
            done.append(each)
            parts = " ".join(f"{step} {getattr(each, step):5.2f}" for step in STEPS)
            print(f"{number + 1:2} {each.guest} {parts}  load {os.getloadavg()[0]:.1f}", flush=True)
    report(done)
    return 0


@contextmanager
def without_flapping(lab: Lab) -> Iterator[None]:
    """Each crash is told, however many there were before."""
    file = argus_config(lab)
    text = file.read_text()
    never = re.sub(r"(?m)^flap_window *=.*\n", "", text)
    file.write_text(never.replace("[correlator]\n", "[correlator]\nflap_count = 1000\nflap_window = 60\n"))
    try:
        WORKER.start(lab)
        time.sleep(SETTLE)
        yield
    finally:
        file.write_text(text)
        WORKER.start(lab)


def measure(lab: Lab, uri: str, number: int) -> Try:
    guest = GUESTS[number % len(GUESTS)]
    with connect(lab, "argus", "argus") as argus:
        until(lambda: argus.execute(FOUND, [guest.uuid]).fetchone() is None, time.time(), OVER)
    time.sleep(random.uniform(0, 15))
    boxes = lab.run / "mail"
    before = set(boxes.glob("*.eml"))
    pid = int((AGENT1.node.folder(lab) / "run" / "qemu" / f"{guest.name}.pid").read_text())
    begin = time.time()
    os.kill(pid, signal.SIGKILL)
    with connect(lab, "zabbix", "zabbix") as zabbix, connect(lab, "argus", "argus") as argus:

        def has(connection: psycopg.Connection, query: str, *values: object) -> Callable[[], bool]:
            return lambda: connection.execute(query, values).fetchone() is not None

        def mailed() -> bool:
            return any(fresh())

        def fresh() -> Iterator[Path]:
            return (file for file in boxes.glob("*.eml") if file not in before and broken(file))

        listed = until(has(zabbix, PROBLEM, int(begin), "%crash%"), begin)
        (at,) = zabbix.execute(MEASURED, [int(begin), "%crash%"]).fetchone() or (begin,)
        after = {
            "measured": float(at) - begin,
            "zabbix": listed,
            "found": until(has(argus, FOUND, guest.uuid), begin),
            "queued": until(has(argus, f"{FOUND} and phase = 'open'", guest.uuid), begin),
        }
        until(mailed, begin)
        after["mail"] = min(file.stat().st_mtime for file in fresh()) - begin
        bring_back(uri, guest.name)
    return Try(guest.name, **after)


def broken(file: Path) -> bool:
    text = file.read_text(errors="replace")
    return (
        "X-Argus-Rule: guest_is_broken" in text
        and re.search(r"(?m)^Message-ID: <\w+\.open@", text) is not None
    )


def until(reached: Callable[[], bool], begin: float, limit: float = LIMIT) -> float:
    """Wait; return the seconds since ``begin``."""
    while not reached():
        if time.time() - begin > limit:
            raise SystemExit(f"not reached within {limit:g} s")
        time.sleep(EVERY)
    return time.time() - begin


def bring_back(uri: str, name: str) -> None:
    connection = libvirt.open(uri)
    try:
        connection.lookupByName(name).create()
    finally:
        connection.close()


def report(tries: list[Try]) -> None:
    print(
        "\n| try | the agent has looked | Zabbix has the problem | a cycle has read it "
        "| the incident is open | the mail is there |"
    )
    print("|---|---|---|---|---|---|")
    for number, each in enumerate(tries, 1):
        print(f"| {number} | " + " | ".join(f"{getattr(each, step):.2f} s" for step in STEPS) + " |")
    medians = [statistics.median(getattr(each, step) for each in tries) for step in STEPS]
    print("| median | " + " | ".join(f"{value:.2f} s" for value in medians) + " |")
    times = sorted(each.mail for each in tries)
    print(f"\n{sum(value < 3 for value in times)} of {len(times)} under 3 s; the slowest {times[-1]:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
