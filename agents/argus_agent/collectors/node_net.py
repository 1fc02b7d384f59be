"""Losses in the node's network stack: softnet backlog and connection tracking."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.node_net import (
    CONNTRACK,
    CONNTRACK_MAX,
    CONNTRACK_RATIO,
    CONNTRACK_STAT,
    DROPPED,
    SQUEEZED,
)

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
        with suppress(FileNotFoundError):
            lost = parse_conntrack_stat(cycle.host.read_proc("net/stat/nf_conntrack"))
            yield from (metric.sample(lost[name]) for name, metric in CONNTRACK_STAT.items() if name in lost)


def parse_softnet(text: str) -> tuple[int, int]:
    """Return packets dropped and time squeezes over all CPUs: hexadecimal fields 2 and 3 of each line."""
    rows = [line.split() for line in text.splitlines()]
    return sum(int(row[1], 16) for row in rows), sum(int(row[2], 16) for row in rows)


def parse_conntrack_stat(text: str) -> dict[str, int]:
    """Return the counters of nf_conntrack summed over CPUs, by the names in the first line.

    Raises ``ValueError`` for a line that is not hexadecimal numbers.
    """
    names, *rows = [line.split() for line in text.splitlines()] or [[]]
    return {name: sum(int(row[n], 16) for row in rows if n < len(row)) for n, name in enumerate(names)}


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
