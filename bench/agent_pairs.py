"""Two trees of the agent in turn on real guests: what a cycle costs of CPU, part by part.

    .venv/bin/python bench/agent_pairs.py --uri URI --rundir DIR --before TREE [--pairs N] [--cycles N]

URI and DIR are those of a libvirtd with guests, such as the one that bench/agent starts; TREE is a checkout
to compare this one with.  Each turn is a process of its own.  A cycle is followed by a scrape of gzip,
and by a pause: what a cache forgets meanwhile is forgotten in real life as well.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
WARM_UP, PAUSE, INTERVAL = 6, 0.3, 4.0
PARTS = ("all", "collecting", "of that its own thread", "sink", "scrape")


def main() -> None:
    """Print a line for each turn: milliseconds of CPU, medians over its cycles."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uri", required=True)
    parser.add_argument("--rundir", required=True, type=Path)
    parser.add_argument("--before", type=Path, help="another tree")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.uri, options.rundir, options.cycles)))
        return
    for _ in range(options.pairs):
        for tree in filter(None, (options.before, TOP)):
            print(tree.name, turn(tree.resolve(), sys.argv[1:]), flush=True)


def turn(tree: Path, arguments: list[str]) -> str:
    """Run this file on a tree."""
    path = os.pathsep.join((str(tree), str(tree / "agents")))
    done = subprocess.run(
        [sys.executable, __file__, *arguments, "--one"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def measure(uri: str, rundir: Path, cycles: int) -> dict[str, float]:
    """Run cycles of the agent that is on the path."""
    from argus_agent import daemon  # noqa: PLC0415 -- of the tree that is measured
    from argus_agent.collectors import load_collectors  # noqa: PLC0415
    from argus_agent.cycle import Allocation  # noqa: PLC0415
    from argus_agent.heap import share_one_arena  # noqa: PLC0415
    from argus_agent.libvirt_source import LibvirtSource  # noqa: PLC0415
    from argus_agent.runner import Runner  # noqa: PLC0415
    from argus_agent.settings import Address  # noqa: PLC0415
    from argus_agent.sinks.prometheus import Prometheus  # noqa: PLC0415

    share_one_arena()
    gc.set_threshold(*daemon.GC_THRESHOLDS)
    every = getattr(daemon, "COLLECTION_EVERY", 1)
    now = [1000.0]
    host = _host(rundir, lambda: now[0])
    runner = Runner(host, load_collectors(), LibvirtSource(uri, 60), Allocation())
    sink = Prometheus(15, host.monotonic)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = free.getsockname()
    sink.serve(Address(*listen))
    found = []
    for number in range(WARM_UP + cycles):
        now[0] += INTERVAL
        time.sleep(PAUSE)
        thread, times = time.thread_time(), [time.process_time()]
        result = runner.run()
        own = time.thread_time() - thread
        times.append(time.process_time())
        sink.put(result)
        values = sum(1 for _ in result.samples) if number == WARM_UP + cycles - 1 else 0
        del result
        if number % every == 0:
            gc.collect(1)
        times.append(time.process_time())
        _scrape(listen)
        times.append(time.process_time())
        found.append(
            (times[3] - times[0], times[1] - times[0], own, times[2] - times[1], times[3] - times[2])
        )
    columns = zip(PARTS, zip(*found[WARM_UP:], strict=True), strict=True)
    return {part: round(statistics.median(column) * 1000, 1) for part, column in columns} | {"values": values}


def _host(rundir: Path, monotonic: Any) -> Any:
    from argus_agent.host import Host  # noqa: PLC0415

    roots = (Path("/proc"), Path("/sys"), rundir)
    try:
        from argus_agent.kernel.kept_files import KeptFiles, room_for_descriptors  # noqa: PLC0415
    except ImportError:  # a tree of before
        return Host("bench", *roots, monotonic=monotonic)
    return Host("bench", *roots, monotonic=monotonic, files=KeptFiles(room_for_descriptors(4096, 512)))


def _scrape(listen: tuple[str, int]) -> None:
    with socket.create_connection(listen) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n")
        while client.recv(1 << 16):
            pass


if __name__ == "__main__":
    main()
