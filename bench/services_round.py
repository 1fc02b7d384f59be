"""One round of probes over a region of 500 computes: recorded answers multiplied, over real HTTP on loopback.

PYTHONPATH=tests/kit .venv/bin/python bench/services_round.py
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from recorded_cloud import recorded_cloud

from argus.probes.plan import Cloud, Plan
from argus.services import ServiceSource
from argus.store import schema
from argus.store.engine import open_store

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

COMPUTES = 500
SECONDS, MIB = 10.0, 150.0


def serve(folder: Path, ready: Event, stop: Event) -> None:
    with recorded_cloud(folder, COMPUTES):
        ready.set()
        stop.wait(300)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spawn = multiprocessing.get_context("spawn")
        ready, stop = spawn.Event(), spawn.Event()
        server = spawn.Process(target=serve, args=(folder, ready, stop), daemon=True)
        server.start()
        try:
            if not ready.wait(120):
                print("the stand-in for the region does not start")
                return 2
            return measure(folder)
        finally:
            stop.set()
            server.join(10)


def measure(folder: Path) -> int:
    store = open_store(f"sqlite:///{folder}/argus.db")
    schema.upgrade(store)
    made = ServiceSource(Plan((Cloud("prod", timeout=30.0),)), store, 30.0, str(folder / "clouds.yaml"))
    worst = 0.0
    for number in (1, 2, 3):
        begin = time.monotonic()
        services = made.fetch()["services"]
        seconds = time.monotonic() - begin
        worst = max(worst, seconds)
        parts = sum(len(each["parts"]) for each in services)
        print(f"round {number}: {seconds:.2f} s, {len(services)} services, {parts} parts")
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest size of the process: {size:.0f} MiB")
    return 0 if worst < SECONDS and size < MIB and parts > COMPUTES else 1


if __name__ == "__main__":
    sys.exit(main())
