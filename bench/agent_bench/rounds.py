"""Takes turns: A B C A B C ..., so that whatever else the machine does meets all alike; medians are kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from agent_bench.usage import Usage, peak_rss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent_bench.contestants import Contestant, Scrape
    from agent_bench.node import Node

CYCLES = 3  # in each turn
WARM_UP = 6
"""Scrapes before that: what a collector does once (definitions, files that it keeps open, texts that do not
change) is not what it costs."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one cycle of a contestant took, on average over its turn: seconds, series, bytes."""

    usage: Usage
    seconds: float  # of the turn
    cycles: float
    wall: float | None
    series: int
    rss: int

    def per_cycle(self, idle: Usage) -> Usage:
        """Usage of one cycle, less what the machine uses anyhow in a second (``idle``)."""
        return (self.usage - idle.scaled(self.seconds)).scaled(1 / self.cycles)


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant at one number of guests: medians over the rounds, a cycle each."""

    name: str
    guests: int
    own: float
    libvirtd: float
    qemu: float
    wall: float | None
    series: int
    rss: int


def interval_for(guests: int) -> float:
    """Seconds between two scrapes: about three times what one takes on a small machine."""
    return max(2.0, guests / 25)


def pace(interval: float, wall: float | None) -> float:
    """Seconds from one cycle to the next: one that takes longer than the interval misses others."""
    return interval * math.ceil(max(1.0, (wall or 0.0) / interval))


def measure(
    contestants: Sequence[Contestant],
    node: Node,
    guests: int,
    rounds: int,
    tell: Callable[[str], None],
) -> list[Row]:
    """Give every contestant its turn in every round; the first one is nobody.  Raises ``LabError``."""
    turns: list[list[Turn]] = []
    for number in range(rounds):
        turns.append([])
        for contestant in contestants:
            tell(f"{guests} guests, round {number + 1} of {rounds}: {contestant.name}")
            turns[-1].append(_turn(contestant, node, guests))
    return [_row(c.name, guests, turns, column) for column, c in enumerate(contestants)][1:]


def _turn(contestant: Contestant, node: Node, guests: int) -> Turn:
    interval = interval_for(guests)
    qemu = node.guest_pids()
    try:
        contestant.start(interval, guests)
        for _ in range(WARM_UP):
            time.sleep(interval)
            contestant.scrape()
        own = contestant.pid()
        begin, before = time.monotonic(), Usage.now(own, node.libvirtd_pid(), qemu)
        scrapes: list[Scrape] = []
        for cycle in range(1, CYCLES + 1):
            time.sleep(max(0.0, begin + cycle * interval - time.monotonic()))
            scrapes.append(contestant.scrape())
        usage = Usage.now(own, node.libvirtd_pid(), qemu) - before
        seconds = time.monotonic() - begin
        walls = [scrape.wall for scrape in scrapes if scrape.wall is not None]
        wall = median(walls) if walls else None
        return Turn(
            usage,
            seconds,
            # Who measures by itself goes on while a scrape takes long; who measures when asked does not.
            cycles=seconds / pace(interval, wall) if contestant.own_pace else CYCLES,
            wall=wall,
            series=scrapes[-1].series,
            rss=peak_rss(own) if own is not None else 0,
        )
    finally:
        contestant.stop()


def _row(name: str, guests: int, turns: list[list[Turn]], column: int) -> Row:
    mine = [turn[column] for turn in turns]
    used = [turn[column].per_cycle(turn[0].usage.scaled(1 / turn[0].seconds)) for turn in turns]
    walls = [turn.wall for turn in mine if turn.wall is not None]
    return Row(
        name,
        guests,
        own=median(usage.own for usage in used),
        libvirtd=median(usage.libvirtd for usage in used),
        qemu=median(usage.qemu for usage in used),
        wall=median(walls) if walls else None,
        series=int(median(turn.series for turn in mine)),
        rss=max(turn.rss for turn in mine),
    )
