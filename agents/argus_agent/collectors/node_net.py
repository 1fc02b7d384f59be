"""Losses in the node's network stack: softnet backlog and connection tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_net import (
    CONNTRACK,
    CONNTRACK_MAX,
    CONNTRACK_RATIO,
    CONNTRACK_STAT,
    DROPPED,
    SQUEEZED,
)
from argus_agent.kernel.numbers import parse_hexadecimal
from argus_agent.reading import read_number, read_parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class NodeNet:
    """Connection tracking gives nothing until nf_conntrack is loaded."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield packets dropped, budgets used up, and how full the connection table is."""
        procfs = cycle.host.procfs
        softnet = read_parsed(cycle, procfs / "net/softnet_stat", parse_softnet)
        if softnet is not None:
            dropped, squeezed = softnet
            yield DROPPED.sample(dropped)
            yield SQUEEZED.sample(squeezed)
        yield from _conntrack(cycle)
        lost = read_parsed(cycle, procfs / "net/stat/nf_conntrack", parse_conntrack_stat) or {}
        yield from (metric.sample(lost[name]) for name, metric in CONNTRACK_STAT.items() if name in lost)


def parse_softnet(text: str) -> tuple[int, int]:
    """Return packets dropped and time squeezes over all CPUs: hexadecimal fields 2 and 3 of each line.

    A line of another form is passed over.  Raises ``ValueError`` when there is no other.
    """
    rows = _rows(text.splitlines(), 3)
    if not rows:
        raise ValueError("softnet_stat has no line of a CPU with three hexadecimal fields")
    return sum(row[1] for row in rows), sum(row[2] for row in rows)


def parse_conntrack_stat(text: str) -> dict[str, int]:
    """Return the counters of nf_conntrack summed over CPUs, by the names in the first line.

    A line of another form is passed over; a name that has no counter in one of the others is left out.
    """
    names, *lines = text.splitlines() or [""]
    rows = _rows(lines, 1)
    return {
        name: sum(row[column] for row in rows)
        for column, name in enumerate(names.split())
        if rows and all(column < len(row) for row in rows)
    }


def _rows(lines: list[str], fields: int) -> list[list[int]]:
    """Return the numbers of the lines that have so many hexadecimal fields at least, and no others."""
    rows = []
    for line in lines:
        try:
            row = [parse_hexadecimal(word) for word in line.split()]
        except ValueError:
            continue
        if len(row) >= fields:
            rows.append(row)
    return rows


def _conntrack(cycle: Cycle) -> Iterator[Sample]:
    folder = cycle.host.procfs / "sys/net/netfilter"
    entries, limit = (read_number(cycle, folder / f"nf_conntrack_{name}") for name in ("count", "max"))
    if entries is not None:
        yield CONNTRACK.sample(entries)
    if limit is not None:
        yield CONNTRACK_MAX.sample(limit)
    if entries is not None and limit:
        yield CONNTRACK_RATIO.sample(entries / limit)
