"""The command bench/agent."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import libvirt

from agent_bench.budgets import verdicts
from agent_bench.contestants import Agent, BareCall, Collectd, Contestant, LibvirtExporter, Nobody
from agent_bench.large import large_table, measure_large
from agent_bench.node import Node
from agent_bench.packages import Packages
from agent_bench.paths import RUN, start_acceptor
from agent_bench.report import BEGIN_LARGE, END_LARGE, markdown, table, write_between_markers
from agent_bench.rounds import Row, measure
from stack.errors import DownError, LabError
from stack.lab import TOP, Lab

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

DOCUMENT = TOP / "docs/performance.md"
GUESTS = (10, 50, 100, 200)
LARGE_GUESTS = 3


def main(argv: Sequence[str]) -> int:
    options = _parse(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        if options.large:
            return _large(options, shlex.join(["bench/agent", *argv]))
        rows = _bench(options)
    except LabError as failure:
        print(f"bench: {failure.report()}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted; its processes are stopped", file=sys.stderr)
        return 130
    judged = verdicts(rows)
    if options.format == "json":
        print(
            json.dumps({"rows": [asdict(r) for r in rows], "budgets": [asdict(v) for v in judged]}, indent=1)
        )
    else:
        print("\n".join([table(rows), "", *map(str, judged)]))
    if options.write:
        command = shlex.join(["bench/agent", *argv])
        write_between_markers(DOCUMENT, markdown(rows, judged, command, options.rounds))
    return 0


def _large(options: argparse.Namespace, command: str) -> int:
    rows = measure_large(Lab.open(RUN), LARGE_GUESTS, round(options.large * 1024), _tell)
    text = large_table(rows)
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.format == "json" else text)
    if options.write:
        write_between_markers(DOCUMENT, f"Made by `{command}`.\n\n{text}", BEGIN_LARGE, END_LARGE)
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/agent", description="The agent beside other collectors, on real guests."
    )
    parser.add_argument("--guests", type=_counts, default=GUESTS, help="numbers of guests, such as 10,50")
    parser.add_argument(
        "--large",
        type=float,
        metavar="GIB",
        help=f"instead: {LARGE_GUESTS} stand-ins for guests of so many GiB in pages of 4 KiB, such as 2; "
        "tells how long a cycle takes and how long their mmap() waits",
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each collector (default 3)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--write", action="store_true", help=f"also write the table into {DOCUMENT.name}")
    parser.add_argument(
        "--zabbix",
        metavar="HOST:PORT",
        help="where the second agent sends to, and registers its hosts (default: a stand-in that takes all)",
    )
    return parser.parse_args(argv)


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(sorted(int(word) for word in text.split(",")))
    if not all(0 < count <= 1000 for count in counts):
        raise argparse.ArgumentTypeError("expected numbers from 1 to 1000")
    return counts


def _bench(options: argparse.Namespace) -> list[Row]:
    lab = Lab.open(RUN)
    packages = Packages(RUN / "packages")
    _tell("getting the other collectors from Debian")
    packages.fetch()
    node = Node(lab)
    rows: list[Row] = []
    try:
        _tell(f"starting a libvirtd: {node.start()}")
        server = options.zabbix or start_acceptor(lab)
        for guests in options.guests:
            for running in node.grow_to(guests):
                _tell(f"{running} of {guests} guests", passing=True)
            contestants = _contestants(lab, node, packages, server)
            measured = measure(contestants, node, guests, options.rounds, _tell)
            _tell(f"\n{table(measured)}\n")  # what was found so far outlives a failure later on
            rows += measured
    except DownError as failure:
        raise LabError(str(failure)) from None
    finally:
        _tell("removing guests and libvirtd")
        lab.processes.stop("bench-acceptor")
        node.stop()
    return rows


def _contestants(lab: Lab, node: Node, packages: Packages, server: str) -> tuple[Contestant, ...]:
    """Nobody comes first: the others are measured against it."""
    return (
        Nobody(),
        BareCall(node),
        LibvirtExporter(lab, node, packages),
        Collectd(lab, node, packages),
        Agent(lab, node),
        Agent(lab, node, server),
    )


def _tell(text: str, *, passing: bool = False) -> None:
    """Progress goes to stderr, so that stdout is the result alone."""
    if not passing:
        print(text, file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        print(f"\r{text} ", end="\n" if _is_last(text) else "", file=sys.stderr, flush=True)


def _is_last(text: str) -> bool:
    words = text.split()
    return words[0] == words[2]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
