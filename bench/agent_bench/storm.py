"""What a storm of events costs: one guest pauses and resumes every second while the agent watches them all.

    bench/agent_storm [--guests 50] [--cycles 4] [--interval 15]

CPU time of the agent and of libvirtd in a storm, over the same without events, in one run.  What libvirtd
does for whoever makes the storm is measured without an agent first, and taken off.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libvirt

from agent_bench.contestants import Agent, Nobody
from agent_bench.node import Node
from agent_bench.paths import RUN, start_acceptor
from agent_bench.usage import Usage
from stack.errors import DownError, LabError
from stack.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent_bench.contestants import Contestant

LIMIT = 1.3
SETTLE_CYCLES = 2


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds a cycle: of the agent, and of libvirtd without what the storm costs anyhow."""

    agent_quiet: float
    agent_storm: float
    libvirtd_quiet: float
    libvirtd_storm: float

    @property
    def agent(self) -> float:
        """The agent's in a storm, over its own without."""
        return self.agent_storm / self.agent_quiet

    @property
    def libvirtd(self) -> float:
        """Likewise libvirtd's, for the agent."""
        return self.libvirtd_storm / self.libvirtd_quiet

    @property
    def holds(self) -> bool:
        """Whether both are within the budget."""
        return max(self.agent, self.libvirtd) <= LIMIT

    def __str__(self) -> str:
        agent = f"agent {_milliseconds(self.agent_quiet)} -> {_milliseconds(self.agent_storm)}"
        libvirtd = f"libvirtd {_milliseconds(self.libvirtd_quiet)} -> {_milliseconds(self.libvirtd_storm)}"
        word = "holds" if self.holds else "DOES NOT HOLD"
        ratios = f"{agent} ms CPU a cycle: {self.agent:.2f}; {libvirtd}: {self.libvirtd:.2f}"
        return f"{ratios}; at most {LIMIT}: {word}"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def costs(nobody: tuple[Usage, Usage], agent: tuple[Usage, Usage]) -> Costs:
    """Compare; each pair is without and with the storm."""
    quiet, storm = (mine - others for mine, others in zip(agent, nobody, strict=True))
    return Costs(agent[0].own, agent[1].own, quiet.libvirtd, storm.libvirtd)


@contextmanager
def events_every_second(uri: str) -> Iterator[None]:
    """Pause one guest every second, and resume it half a second later."""
    ended = threading.Event()

    def storm() -> None:
        connection = libvirt.open(uri)
        domain = connection.listAllDomains()[0]
        while not ended.is_set():
            domain.suspend()
            ended.wait(0.5)
            domain.resume()
            ended.wait(0.5)
        connection.close()

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _used(contestant: Contestant, node: Node, seconds: float) -> Usage:
    before = Usage.now(contestant.pid(), node.libvirtd_pid(), ())
    time.sleep(seconds)
    return Usage.now(contestant.pid(), node.libvirtd_pid(), ()) - before


def _pair(contestant: Contestant, node: Node, options: argparse.Namespace) -> tuple[Usage, Usage]:
    """Without the storm and with it, a cycle each."""
    seconds, settle = options.cycles * options.interval, SETTLE_CYCLES * options.interval
    contestant.start(options.interval, options.guests)
    try:
        time.sleep(settle)
        quiet = _used(contestant, node, seconds)
        with events_every_second(node.uri):
            time.sleep(settle)
            storm = _used(contestant, node, seconds)
    finally:
        contestant.stop()
    return quiet.scaled(1 / options.cycles), storm.scaled(1 / options.cycles)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench/agent_storm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--guests", type=int, default=50)
    parser.add_argument("--cycles", type=int, default=4, help="measured in each part (default 4)")
    parser.add_argument("--interval", type=float, default=15.0, help="of the agent, in seconds (default 15)")
    options = parser.parse_args(argv)
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    lab = Lab.open(RUN)
    node = Node(lab, "storm")
    try:
        node.start()
        for running in node.grow_to(options.guests):
            print(f"\r{running} of {options.guests} guests ", end="", file=sys.stderr, flush=True)
        server = start_acceptor(lab)
        found = costs(_pair(Nobody(), node, options), _pair(Agent(lab, node, server), node, options))
    except (LabError, DownError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 2
    finally:
        lab.processes.stop("bench-acceptor")
        node.stop()
    print(f"\n{options.guests} guests, interval {options.interval:g} s: {found}")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
