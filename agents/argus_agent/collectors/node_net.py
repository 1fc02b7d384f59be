"""Losses in the node's network stack: softnet backlog and connection tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_net import CONNTRACK, CONNTRACK_MAX, CONNTRACK_RATIO, DROPPED, SQUEEZED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeNet:
    """Connection tracking gives nothing until nf_conntrack is loaded."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield packets dropped, budgets used up, and how full the connection table is."""
        dropped, squeezed = parse_softnet(cycle.host.read_proc("net/softnet_stat"))
        yield DROPPED.sample(dropped)
        yield SQUEEZED.sample(squeezed)
        yield from _conntrack(cycle.host.procfs / "sys/net/netfilter")


def parse_softnet(text: str) -> tuple[int, int]:
    """Return packets dropped and time squeezes over all CPUs: hexadecimal fields 2 and 3 of each line."""
    rows = [line.split() for line in text.splitlines()]
    return sum(int(row[1], 16) for row in rows), sum(int(row[2], 16) for row in rows)


def _conntrack(folder: Path) -> Iterator[Sample]:
    try:
        entries = int((folder / "nf_conntrack_count").read_text())
        limit = int((folder / "nf_conntrack_max").read_text())
    except FileNotFoundError:
        return
    yield CONNTRACK.sample(entries)
    yield CONNTRACK_MAX.sample(limit)
    if limit:
        yield CONNTRACK_RATIO.sample(entries / limit)
