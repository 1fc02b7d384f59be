"""Nodes whose clocks are off: heard of is what goes on, not what bears a recent time.

A value bears the time of the node that measured it.  By a clock that is ahead a dead node would look alive
until the lead is used up; by one that is behind a live node would look dead for ever.  So of such nodes it is
remembered, by our own clock, when their newest value last changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.correlator.evaluate import AHEAD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.correlator.facts import Facts, NodeValues

# Values come as fast as time passes.  What comes faster was kept while Zabbix or a proxy was away, and says
# nothing of now.
JUMP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Clock:
    """What is remembered of one node, in seconds since the epoch.

    ``at`` is its newest value's time by its own clock; by ours, ``seen`` is since when that is the newest,
    and ``heard`` when it last went on.
    """

    at: float
    seen: float
    heard: float


def follow(
    known: Mapping[str, Clock], facts: Facts, stale_after: float, now: float
) -> tuple[Facts, dict[str, Clock]]:
    """Return the facts with what is known of clocks that are off, and what to remember of those."""
    read_at = facts.read_at(now)
    clocks = {
        node.host: _clock(known.get(node.host), node, read_at)
        for node in facts.nodes
        if node.at and not -stale_after / 2 <= node.at - read_at <= AHEAD_SECONDS
    }
    nodes = (
        replace(node, heard=clocks[node.host].heard) if node.host in clocks else node for node in facts.nodes
    )
    return replace(facts, nodes=tuple(nodes)), clocks


def _clock(last: Clock | None, node: NodeValues, read_at: float) -> Clock:
    ahead = node.at > read_at
    if last is None or node.at < last.at:
        return Clock(node.at, read_at, read_at if ahead else node.at)
    if node.at == last.at:
        return last
    steady = node.at - last.at <= read_at - last.seen + JUMP_SECONDS
    heard = read_at if ahead or steady else max(last.heard, node.at)
    return Clock(node.at, read_at, heard)
